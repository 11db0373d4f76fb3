"""How many teams of how many threads a device gets, how many loops are shared out together, in which order.

Proof obligations: none beyond those of the directive that is there already. `thread_limit` and `num_teams`
say how many at most (OpenMP 5.0, 2.7), and the iterations are proved independent of who runs them. Fewer
loops collapsed than were proved to be collapsible are perfectly nested, rectangular and parallel, too; each
has to declare its variable, which is shared once it is no loop of the directive any more. Their order decides
which elements neighbouring threads touch; it is free, unless a clause speaks of the last iteration.

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
from loopwright.moves.regions import directives
from loopwright.moves.rewrite import Replacement, apply, blanked

FAMILY = "device-shape"
_THREADS = (32, 64, 128, 256, 512, 1024)
_TEAMS = (64, 128, 256, 1024, 4096)
_HEAD = re.compile(
    rb"#[ \t]*pragma[ \t]+omp[ \t]+target[ \t]+teams[ \t]+distribute\b"
    rb"(?:[ \t]+parallel[ \t]+for\b)?(?:[ \t]+simd\b)?"
)
_CLAUSE = rb"[ \t]%b\((\d+)\)(?![ \t\\\r\n]*,)"
_LOOP = re.compile(
    rb"\s*\{?\s*(?P<head>for\s*\(\s*[A-Za-z_][\w:]*(?:\s+[A-Za-z_]\w*)*\s+(?P<name>[A-Za-z_]\w*)"
    rb"\s*=[^;]*;[^;]*;[^;{}]*?\))(?=\s*(?:for|\{|\w))"
)
"""A loop that declares its variable: only then has every thread its own."""
_LAST_ITERATION = re.compile(rb"\b(?:lastprivate|linear|ordered|order)\b")
_HOPED_FOR = {"thread_limit": 1.3, "num_teams": 1.2, "innermost": 1.15, "collapse": 1.1}
"""Orders proposals among each other, and claims nothing."""


@dataclass(frozen=True)
class DeviceDirective:
    """A directive that shares a loop out on a device: its bytes are `start` to `end`, and its words without
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
        for each in on_device(file, data):
            for name, numbers in (("thread_limit", _THREADS), ("num_teams", _TEAMS)):
                with suppress(Declined):
                    for number in numbers:
                        yield from _proposal(
                            tree, each, _with(data, each, name, number), f"{name}({number})", name
                        )
            with suppress(Declined):
                yield from _fewer_collapsed(tree, data, each)
            with suppress(Declined):
                yield from _other_orders(tree, data, each)


def on_device(file: str, data: bytes) -> Iterator[DeviceDirective]:
    """The directives of a file that share a loop out on a device, in order."""
    for start, end in directives(data):
        if (head := _HEAD.search(data, start, end)) is not None:
            yield DeviceDirective(file, data.count(b"\n", 0, start) + 1, start, end, head.end())


def _with(data: bytes, each: DeviceDirective, name: str, number: int) -> bytes:
    """The file with one clause of the directive set; the others stay."""
    clause = f" {name}({number})".encode()
    known = clause_of(data, each, name)
    place = known.span() if known is not None else (each.head, each.head)
    return apply(data, [Replacement(*place, clause)])


def clause_of(data: bytes, each: DeviceDirective, name: str) -> re.Match[bytes] | None:
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


def _fewer_collapsed(tree: Tree, data: bytes, each: DeviceDirective) -> Iterator[Proposal]:
    known = clause_of(data, each, "collapse")
    if known is None or len(_collapsed(data, each, int(known[1]))) < int(known[1]):
        return
    for depth in range(int(known[1]) - 1, 0, -1):
        clause = f" collapse({depth})".encode() if depth > 1 else b""
        content = apply(data, [Replacement(*known.span(), clause)])
        what = f"collapse({depth})" if depth > 1 else "no collapse"
        yield from _proposal(tree, each, content, what, "collapse")


def _other_orders(tree: Tree, data: bytes, each: DeviceDirective) -> Iterator[Proposal]:
    """Every other loop of those shared out together as the innermost one: its iterations are neighbours."""
    known = clause_of(data, each, "collapse")
    if known is None or _LAST_ITERATION.search(blanked(data), each.head, each.end):
        return
    loops = _collapsed(data, each, int(known[1]))
    if len(loops) < int(known[1]) or b"#" in blanked(data)[each.end : loops[-1].end("head")]:
        return
    heads = [data[loop.start("head") : loop.end("head")] for loop in loops]
    names = [loop["name"] for loop in loops]
    words = [set(re.findall(rb"\w+", loop["head"])) for loop in loops]
    if any(
        name in other for name, own in zip(names, words, strict=True) for other in words if other is not own
    ):
        return  # the length of one depends on another
    for inner in range(len(loops) - 1):
        order = [*heads[:inner], *heads[inner + 1 :], heads[inner]]
        places = [Replacement(*loop.span("head"), head) for loop, head in zip(loops, order, strict=True)]
        what = f"the loop over {names[inner].decode()} innermost"
        yield from _proposal(tree, each, apply(data, places), what, "innermost")


def _collapsed(data: bytes, each: DeviceDirective, count: int) -> list[re.Match[bytes]]:
    """The loops of the directive from the outermost one on, as far as each declares its variable."""
    found: list[re.Match[bytes]] = []
    place = each.end
    while len(found) < count and (loop := _LOOP.match(blanked(data), place)) is not None:
        found.append(loop)
        place = loop.end()
    return found


def _proposal(tree: Tree, each: DeviceDirective, content: bytes, what: str, kind: str) -> Iterator[Proposal]:
    if content == tree[each.file]:
        return
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
    yield Proposal(edit, FAMILY, each.file, each.line, "", _HOPED_FOR[kind])


def _place(tree: Tree, each: DeviceDirective) -> str:
    """A name for the directive that changes of its shape do not change: its number in its file."""
    before = sum(1 for found in on_device(each.file, tree[each.file]) if found.start < each.start)
    return f"{each.file} #{before + 1}"
