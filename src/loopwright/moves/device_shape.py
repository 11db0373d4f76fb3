"""How many teams of how many threads a device gets, and how many loops are shared out together.

Proof obligations: none beyond those of the directive that is there already. `thread_limit` and `num_teams`
say how many at most (OpenMP 5.0, 2.7), and the iterations are proved independent of who runs them. Fewer
loops collapsed than were proved to be collapsible are perfectly nested, rectangular and parallel, too; each
has to declare its variable, which is shared once it is no loop of the directive any more.

Which shape is fastest only a device can tell, so these edits are proposed where candidates are timed on one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

from loopwright.core.candidate import Edit
from loopwright.core.tree import Tree
from loopwright.moves.move import Declined, Proposal
from loopwright.moves.offload import DIRECTIVE
from loopwright.moves.regions import directives
from loopwright.moves.rewrite import Replacement, apply, blanked

FAMILY = "device-shape"
_THREADS = (32, 64, 128, 256, 512, 1024)
_TEAMS = (64, 128, 256, 1024, 4096)
_HEAD = re.compile(
    rb"#[ \t]*pragma[ \t]+omp[ \t]+" + DIRECTIVE.replace(" ", r"[ \t]+").encode() + rb"\b(?:[ \t]+simd\b)?"
)
_CLAUSE = rb"[ \t]%b\((\d+)\)(?![ \t\\\r\n]*,)"
_LOOP = re.compile(
    rb"\s*\{?\s*for\s*\(\s*[A-Za-z_][\w:]*(?:\s+[A-Za-z_]\w*)+\s*=[^;]*;[^;]*;[^;{}]*?\)(?=\s*(?:for|\{|\w))"
)
"""A loop that declares its variable: only then has every thread its own."""
_HOPED_FOR = {"thread_limit": 1.3, "num_teams": 1.2, "collapse": 1.1}
"""Orders proposals among each other, and claims nothing."""


@dataclass(frozen=True)
class _Directive:
    """One directive that shares a loop out on a device: its bytes are `start` to `end`, and its words without
    the clauses end at `head`.
    """

    file: str
    line: int
    start: int
    end: int
    head: int


def device_shapes(tree: Tree, files: Collection[str]) -> Iterator[Proposal]:
    """Every other shape for each loop on the device in `files`, one loop and one clause at a time, the usual
    ones first.
    """
    for file in files:
        data = tree.get(file, b"")
        for each in _on_device(file, data):
            for name, numbers in (("thread_limit", _THREADS), ("num_teams", _TEAMS)):
                with suppress(Declined):
                    for number in numbers:
                        yield from _proposal(tree, each, _with(data, each, name, number), f"{name}({number})")
            with suppress(Declined):
                yield from _fewer_collapsed(tree, data, each)


def _on_device(file: str, data: bytes) -> Iterator[_Directive]:
    for start, end in directives(data):
        if (head := _HEAD.search(data, start, end)) is not None:
            yield _Directive(file, data.count(b"\n", 0, start) + 1, start, end, head.end())


def _with(data: bytes, each: _Directive, name: str, number: int) -> bytes:
    """The file with one clause of the directive set; the others stay."""
    clause = f" {name}({number})".encode()
    known = _known(data, each, name)
    place = known.span() if known is not None else (each.head, each.head)
    return apply(data, [Replacement(*place, clause)])


def _known(data: bytes, each: _Directive, name: str) -> re.Match[bytes] | None:
    """The clause of that name with a plain number; None where the directive has none.

    Raises:
        Declined: when it stands there in another way.
    """
    text = blanked(data)[: each.end]
    named = re.findall(rb"\b%b\b" % name.encode(), text[each.head :])
    known = re.compile(_CLAUSE % name.encode()).search(text, each.head)
    within = text[each.head : known.start()] if known is not None else b""
    plain = bool(named) is (known is not None) and within.count(b"(") == within.count(b")")
    if len(named) > 1 or not plain:
        raise Declined(f"its clause {name} is not understood")
    return known


def _fewer_collapsed(tree: Tree, data: bytes, each: _Directive) -> Iterator[Proposal]:
    known = _known(data, each, "collapse")
    if known is None:
        return
    place = each.end
    for _ in range(int(known[1])):
        if (loop := _LOOP.match(blanked(data), place)) is None:
            return
        place = loop.end()
    for depth in range(int(known[1]) - 1, 0, -1):
        clause = f" collapse({depth})".encode() if depth > 1 else b""
        content = apply(data, [Replacement(*known.span(), clause)])
        yield from _proposal(tree, each, content, f"collapse({depth})" if depth > 1 else "no collapse")


def _proposal(tree: Tree, each: _Directive, content: bytes, what: str) -> Iterator[Proposal]:
    if content == tree[each.file]:
        return
    kind = what.partition("(")[0]
    edit = Edit(
        {each.file: content},
        title=f"{what} for the device loop at {each.file}:{each.line}",
        proof="The iterations are proved independent already, whoever runs them: only who does is changed.",
        details={
            "move": FAMILY,
            "loop": f"{each.file}:{each.line}",
            "function": "",
            "site": _place(tree, each),
        },
    )
    gain = _HOPED_FOR.get(kind, _HOPED_FOR["collapse"])
    yield Proposal(edit, FAMILY, each.file, each.line, "", gain)


def _place(tree: Tree, each: _Directive) -> str:
    """A name for the directive that changes of its shape do not change: its number in its file."""
    before = sum(1 for found in _on_device(each.file, tree[each.file]) if found.start < each.start)
    return f"{each.file} #{before + 1}"
