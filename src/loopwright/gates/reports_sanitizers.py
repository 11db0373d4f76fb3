"""Reading what ThreadSanitizer, AddressSanitizer and UndefinedBehaviorSanitizer print (gcc 12, clang 19)."""

from __future__ import annotations

import re

from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding, Place, excerpt, locate

_FRAME = re.compile(r"^\s+#\d+ .*?(?P<path>[^\s():]+):(?P<line>\d+)(?::\d+)?(?: \(.*)?$")
_RACE = re.compile(r"^WARNING: ThreadSanitizer: (?P<what>.+?) \(pid=\d+\)$", re.MULTILINE)
_SUPPRESSED = re.compile(r"^ThreadSanitizer: Matched \d+ suppressions.*", re.MULTILINE)
_RACING_ACCESS = re.compile(
    r"^  (?:Previous )?(?:atomic )?(?:read|write) of size \d+", re.MULTILINE | re.IGNORECASE
)
_GLOBAL = re.compile(r"^  Location is global '(?P<name>[^'?]+)' of size", re.MULTILINE)
_ADDRESS = re.compile(r"^==\d+==ERROR: AddressSanitizer: (?P<what>[\w-]+)(?P<rest>.*)$", re.MULTILINE)
_ACCESS = re.compile(r"^(?P<way>READ|WRITE) of size (?P<size>\d+)", re.MULTILINE)
_BAD_VARIABLE = re.compile(
    r"global variable '(?P<global>[^']+)'|'(?P<local>[^']+)'(?: \(line \d+\))? <== Memory access"
)
_UNDEFINED = re.compile(
    r"^(?P<path>[^\s:]+):(?P<line>\d+):(?P<column>\d+): runtime error: (?P<what>.+)$", re.MULTILINE
)


def races(report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
    """Every warning of ThreadSanitizer in `report`, one finding each. Nothing of ours suppresses any: a
    program that brings its own suppressions hides races, which is a finding without a place.
    """
    found: list[Finding] = []
    if hidden := _SUPPRESSED.search(report):
        found.append(Finding("races that the program suppresses", excerpt=excerpt(hidden[0], directory)))
    for block in report.split("==================\n"):
        head = _RACE.search(block)
        if head is None:
            continue
        accesses = list(_RACING_ACCESS.finditer(block))
        places = [_first_place(block[access.end() :], tree) for access in accesses]
        variable = _GLOBAL.search(block)
        found.append(
            Finding(
                head["what"],
                tuple(place for place in places if place is not None),
                variable["name"] if variable else "",
                excerpt(block, directory),
            )
        )
    return tuple(found)


def addresses(report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
    """The error of AddressSanitizer in `report`; it ends the program, so there is at most one a process."""
    head = _ADDRESS.search(report)
    if head is None:
        return ()
    body = report[head.start() :]
    access = _ACCESS.search(body)
    place = _first_place(body[access.end() if access else head.end() - head.start() :], tree)
    variable = _BAD_VARIABLE.search(body)
    way = f" ({access['way'].lower()} of {access['size']} bytes)" if access else ""
    return (
        Finding(
            f"{head['what']}{way}",
            (place,) if place is not None else (),
            (variable["global"] or variable["local"]) if variable else "",
            excerpt(body.partition("Shadow bytes around")[0], directory),
        ),
    )


def undefined(report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
    """Every runtime error of UndefinedBehaviorSanitizer in `report`."""
    found = []
    for match in _UNDEFINED.finditer(report):
        place = locate(match["path"], match["line"], tree)
        places = (place,) if place is not None else ()
        found.append(Finding(match["what"], places, excerpt=excerpt(match[0], directory)))
    return tuple(found)


def _first_place(stack: str, tree: Tree) -> Place | None:
    """The innermost frame of the stack at the start of `stack` that lies in a file of the task."""
    for line in stack.splitlines()[1:]:
        if not line.strip():
            return None
        frame = _FRAME.match(line)
        place = locate(frame["path"], frame["line"], tree) if frame else None
        if place is not None:
            return place
    return None
