"""Reading what valgrind's memcheck prints (3.19), run with --fullpath-after."""

from __future__ import annotations

import re

from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding, Place, excerpt, locate

_PREFIX = re.compile(r"^==\d+== ?", re.MULTILINE)
_HEAD = re.compile(
    r"^(?:Thread \d+.*:\n)?(?P<what>[^\n]*uninitialised (?:value|byte)[^\n]*)\n(?P<stack>(?:   [^\n]*\n?)+)",
    re.MULTILINE,
)
_FRAME = re.compile(r"^   (?:at|by) 0x[0-9A-F]+: .*\((?P<path>[^():]+):(?P<line>\d+)\)$")
_STARTS = re.compile(r"^   (?:at|by) 0x[0-9A-F]+: __kmpc_fork_(?:call|teams)\b")


def uninitialised(report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
    """The uses of uninitialised values in `report` whose stack has a line of the task in it.

    Those of the runtime's own code, never called from the task, are not the task's; nor are those in what
    starts a parallel region: it hands on 64 bits for each value, and clang sets as many as the value has,
    and libomp compares such slots with those of the region before. A region that uses such a value does so in
    a line of its own.
    """
    text = "".join(_PREFIX.sub("", line) for line in report.splitlines(keepends=True) if _PREFIX.match(line))
    found = []
    for match in _HEAD.finditer(text):
        place = _first_place(match["stack"], tree)
        if place is not None:
            found.append(Finding(match["what"].strip(), (place,), excerpt=excerpt(match[0], directory)))
    return tuple(found)


def _first_place(stack: str, tree: Tree) -> Place | None:
    called = ""
    for line in stack.splitlines():
        frame = _FRAME.match(line)
        place = locate(frame["path"], frame["line"], tree) if frame else None
        if place is not None:
            return None if _STARTS.match(called) else place
        called = line
    return None
