"""Reading what ThreadSanitizer, AddressSanitizer and UndefinedBehaviorSanitizer print (gcc 12, clang 19)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding, Place, excerpt, locate, source_text

_FRAME = re.compile(r"^\s+#\d+ .*?(?P<path>[^\s():]+):(?P<line>\d+)(?::\d+)?(?: \(.*)?$")
_RACE = re.compile(r"^WARNING: ThreadSanitizer: (?P<what>.+?) \(pid=\d+\)$", re.MULTILINE)
_SUPPRESSED = re.compile(r"^ThreadSanitizer: Matched \d+ suppressions.*", re.MULTILINE)
_RACING_ACCESS = re.compile(
    r"^  (?:Previous )?(?:atomic )?(?:read|write) of size \d+", re.MULTILINE | re.IGNORECASE
)
_ALLOCATED = re.compile(
    r"^  Location is heap block of size \d+ at \S+ allocated by .*:\n"
    r"\s+#0 \S+ .*\n"
    r"\s+#1 .*\((?P<library>\S+?)\+0x",
    re.MULTILINE,
)
_TASKING = re.compile(r"\bpragma\b.*\bomp\b.*\btask(?:loop|group)?\b|\b_Pragma\b.*\btask")
_RECYCLED = "libomp's own memory for tasks, handed on under locks that ThreadSanitizer does not see"
_DOACROSS = re.compile(
    rb"\bordered\b[^\n]*\b(?:depend[ \t]*\([ \t]*(?:sink|source)|doacross)\b", re.IGNORECASE
)
_UNTOLD = "Archer does not tell ThreadSanitizer of `ordered depend(sink)`, by which this file synchronises"
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

    One kind is explained away. libomp keeps descriptors of tasks, with the copies for `firstprivate` and
    for task reductions in them, in blocks of its own, and recycles them among threads: to ThreadSanitizer,
    filling one in at a task directive races with the task that had it before. And one is in doubt: what
    happens in a file with loops that synchronise by `ordered depend(sink)`, of which Archer says nothing.
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
        untold = any(_DOACROSS.search(tree[place.file]) for place in places if place is not None)
        found.append(
            Finding(
                head["what"],
                tuple(place for place in places if place is not None),
                variable["name"] if variable else "",
                excerpt(block, directory),
                _RECYCLED if _is_recycling(block, places, tree) else "",
                _UNTOLD if untold else "",
            )
        )
    return tuple(found)


def _is_recycling(block: str, places: Sequence[Place | None], tree: Tree) -> bool:
    """Whether the later access, the one that is reported first, is made by a task directive itself to memory
    that libomp allocated. What a task does in its body is never excused.
    """
    allocated = _ALLOCATED.search(block)
    if allocated is None or not allocated["library"].startswith("libomp.") or not places or places[0] is None:
        return False
    return _TASKING.search(source_text(tree, places[0])) is not None


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
