"""Whole data regions from a data plan: arrays stay on the device while many loops use them there.

The plan says which statements form a region, what is mapped and how, and what host code in between has to see
(:mod:`loopwright.core.data_plan`). Here it is written into the source: `target data` around one statement or
around several in braces, `enter data` and `exit data` where no block can be made, `target update` where the
host takes part, and the directives of the device loops. Each loop is proved by itself
(:mod:`loopwright.moves.offload`); those that cannot be written are left to the host, and planned again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loopwright.analysis.ir import Loop
from loopwright.core.candidate import Edit
from loopwright.core.data_plan import ArrayPlan, DataPlan, Direction, LoopClass, RegionPlan, Span
from loopwright.core.tree import Tree
from loopwright.moves.canonical import existing_openmp
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, expected_gain
from loopwright.moves.offload import FAMILY, DeviceLoop, broken, device_loop
from loopwright.moves.regions import region_around
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    in_statement_list,
    indentation,
    line_start,
    newline,
    place_before,
)

_HOPED_FOR = 10.0
"""A region is hoped to gain more than its loops with maps of their own."""
_STEP = b"    "
_AS_PLANNED = {direction.value: direction.value for direction in Direction}
_ROUNDS = 8

Plan = Callable[[Callable[[str, int], bool]], DataPlan]
"""The data plan when the loops (file, first byte) that the argument agrees to go to the device."""


@dataclass(frozen=True)
class _Found:
    """A loop of the candidate with the nest that it was proved in."""

    source: NestSource
    loop: Loop


def planned(
    tree: Tree, sources: Sequence[NestSource], plan: Plan, hot: float
) -> Iterator[Proposal | Refusal]:
    """All regions of the plan together, then each by itself; nothing without a region of several loops or of
    one that runs again and again. `hot` is the least share of the time that a region must have.
    """
    loops = {
        (source.file, loop.range.start): _Found(source, loop)
        for source in sources
        for loop in source.nest.root.walk()
        if _is_free(source, loop)
    }
    refused: dict[tuple[str, int], str] = {}
    written: list[_Written] = []
    for _ in range(_ROUNDS):
        able = frozenset(loops.keys() - refused.keys())
        made = plan(lambda file, start, able=able: (file, start) in able)  # type: ignore[misc]
        written, failed = _written(tree, made, loops)
        if not failed:
            break
        refused |= failed
    for (file, start), reason in refused.items():
        if (found := loops.get((file, start))) is not None:
            yield Refusal(
                file, found.loop.range.line, found.source.nest.function, found.loop.variable, FAMILY, reason
            )
    kept = [w for w in written if w.share >= hot]
    if len(kept) > 1:
        yield from _proposal(tree, kept)
    for each in kept:
        yield from _proposal(tree, [each])


def _is_free(source: NestSource, loop: Loop) -> bool:
    """Whether no directive speaks of the loop, of one in it, or of one around it."""
    family = (*source.ancestors(loop), *loop.walk())
    return not region_around(source.data, loop.range.start) and not any(
        existing_openmp(source.data, each) for each in family
    )


@dataclass(frozen=True)
class _Written:
    """One region with the loops in it as they are written."""

    region: RegionPlan
    loops: tuple[DeviceLoop, ...]
    share: float


def _written(
    tree: Tree, plan: DataPlan, loops: Mapping[tuple[str, int], _Found]
) -> tuple[list[_Written], dict[tuple[str, int], str]]:
    """The regions of a plan, and the loops of which no directive could be made, with the reason."""
    made: list[_Written] = []
    failed: dict[tuple[str, int], str] = {}
    for region in plan.regions:
        device: list[DeviceLoop] = []
        share = 0.0
        for each in region.device_loops:
            place = (each.span.file, each.span.start)
            if (found := loops.get(place)) is None:
                failed[place] = "it was not read as a loop of its own"
                continue
            here = each.function == region.function
            items = {a.name: a.item for a in region.mapped} if here else {}
            try:
                written = device_loop(found.source, found.loop, items)
                place_before(found.source.data, found.loop, "#")
                device.append(written)
                share += found.source.share(found.loop)
            except Declined as reason:
                failed[place] = str(reason)
        if any(array.elements is None for array in region.mapped):
            failed |= {(e.span.file, e.span.start): "a length is not known" for e in region.device_loops}
        made.append(_Written(region, tuple(device), share))
    return made, failed


def _proposal(tree: Tree, written: Sequence[_Written]) -> Iterator[Proposal]:
    try:
        changes = {file: apply(tree[file], found) for file, found in _changes(tree, written).items()}
    except (Declined, ValueError):
        return
    first = written[0].region
    loops = [loop for each in written for loop in each.loops]
    places = ", ".join(f"{w.region.function} ({w.region.span.file}:{w.region.span.line})" for w in written)
    title = (
        f"offload {len(loops)} loop{'s' if len(loops) != 1 else ''} with arrays kept on the device: {places}"
    )
    proof = " ".join([*(f"{_why(w.region)}" for w in written), *dict.fromkeys(loop.proof for loop in loops)])
    details = {
        "move": f"{FAMILY}-region",
        "loop": f"{first.span.file}:{first.span.line}",
        "function": first.function,
        "site": " ".join(f"{w.region.function}" for w in written),
    }
    share = min(1.0, sum(w.share for w in written))
    edit = Edit(changes, title=title, proof=proof, details=details)
    gain = expected_gain(share, _HOPED_FOR)
    yield Proposal(edit, FAMILY, first.span.file, first.span.line, first.function, gain)


def _why(region: RegionPlan) -> str:
    arrays = "; ".join(f"{a.item} {a.direction.value}: {a.reason}" for a in region.mapped)
    return f"Data region of {region.function}: {region.reason}. {arrays}."


def _changes(tree: Tree, written: Sequence[_Written]) -> dict[str, list[Replacement]]:
    """What is inserted where, by file. At one place the directive of a region comes before that of a loop."""
    found: dict[str, list[Replacement]] = {}
    braced: list[Span] = []
    for each in written:
        region, data = each.region, tree[each.region.span.file]
        changes = found.setdefault(region.span.file, [])
        if region.is_one_loop:
            continue
        if _is_one_statement(region):
            changes.append(_line(data, region.span.start, _data(region)))
        elif region.structured:
            changes += _block(data, region)
            braced.append(region.span)
        else:
            changes += _enter_and_exit(data, region)
    seen: set[tuple[str, int]] = set()
    for each in written:
        for loop in each.loops:
            place = (loop.loop.range.file, loop.loop.range.start)
            if place not in seen:
                seen.add(place)
                step = _STEP if any(_holds(span, *place) for span in braced) else b""
                found.setdefault(place[0], []).append(_directive(tree[place[0]], loop, each.region, step))
        changes = found.setdefault(each.region.span.file, [])
        step = _STEP if each.region.span in braced else b""
        for array in each.region.arrays:
            for update in array.updates:
                if not _holds(each.region.span, update.span.file, update.span.start):
                    raise Declined("an update would have to stand in another function")
                data = tree[update.span.file]
                changes.append(_update(data, update.span, update.direction, array.item, step))
    for span in braced:
        found[span.file] += _deeper(tree[span.file], span)
    return found


def _holds(span: Span, file: str, offset: int) -> bool:
    return span.file == file and span.start <= offset < span.end


def _is_one_statement(region: RegionPlan) -> bool:
    return any(
        loop.kind is LoopClass.AROUND
        and (loop.span.start, loop.span.end) == (region.span.start, region.span.end)
        for loop in region.loops
    )


def _directive(data: bytes, made: DeviceLoop, region: RegionPlan, step: bytes) -> Replacement:
    words = made.directive(mapped=not region.is_one_loop)
    if region.is_one_loop:
        words = (*words, *_maps(region.mapped, _AS_PLANNED))
    start = made.loop.range.start
    line = broken(indentation(data, start) + step, newline(data, start), words)
    placed = place_before(data, made.loop, line)
    if placed.start != placed.end:
        raise Declined("the loop shares its line")
    return Replacement(placed.start, placed.end, step + placed.text)


def _maps(arrays: Sequence[ArrayPlan], words: Mapping[str, str]) -> tuple[str, ...]:
    """Map clauses; `words` turns a direction into the word of the clause."""
    by_word: dict[str, list[str]] = {}
    for array in arrays:
        if array.direction.value in words:
            by_word.setdefault(words[array.direction.value], []).append(array.item)
    return tuple(f"map({word}: {', '.join(items)})" for word, items in by_word.items())


def _data(region: RegionPlan) -> tuple[str, ...]:
    return ("#pragma omp target data", *_maps(region.mapped, _AS_PLANNED))


def _line(data: bytes, offset: int, words: tuple[str, ...], behind: bytes = b"") -> Replacement:
    """A directive as lines of its own before the statement at `offset`."""
    first, indent, ends = line_start(data, offset), indentation(data, offset), newline(data, offset)
    if data[first:offset] != indent:
        raise Declined("other code shares its line")
    text = indent + broken(indent, ends, words).encode() + ends
    return Replacement(first, first, text + behind)


def _block(data: bytes, region: RegionPlan) -> list[Replacement]:
    span = region.span
    indent, ends = indentation(data, span.start), newline(data, span.start)
    if not in_statement_list(data, span.start) or b'R"' in data[span.start : span.end]:
        raise Declined("no block can be made around it")
    opened = _line(data, span.start, _data(region), indent + b"{" + ends)
    return [opened, _behind(data, span.end, indent + b"}")]


def _behind(data: bytes, end: int, line: bytes) -> Replacement:
    """`line` after the line that holds the end of a statement."""
    stop = data.find(b"\n", end)
    if stop < 0 or blanked(data)[end:stop].strip():
        raise Declined("other code shares the last line")
    ends = newline(data, end)
    return Replacement(stop + 1, stop + 1, line + ends)


def _deeper(data: bytes, span: Span) -> list[Replacement]:
    """One step of indentation more for all lines of a span."""
    made = []
    position = line_start(data, span.start)
    while position < span.end:
        stop = data.find(b"\n", position)
        stop = len(data) if stop < 0 else stop
        if data[position:stop].strip() and data[position : position + 1] != b"#":
            made.append(Replacement(position, position, _STEP))
        position = stop + 1
    return made


def _enter_and_exit(data: bytes, region: RegionPlan) -> list[Replacement]:
    entering = {"to": "to", "tofrom": "to", "from": "alloc", "alloc": "alloc"}
    leaving = {"from": "from", "tofrom": "from", "to": "release", "alloc": "release"}
    indent, ends = indentation(data, region.span.start), newline(data, region.span.start)
    if not in_statement_list(data, region.span.start):
        raise Declined("no statement can be put before it")
    words = ("#pragma omp target exit data", *_maps(region.mapped, leaving))
    text = indent + broken(indent, ends, words).encode()
    return [
        _line(data, region.span.start, ("#pragma omp target enter data", *_maps(region.mapped, entering))),
        _behind(data, region.span.end, text),
    ]


def _update(data: bytes, span: Span, direction: Direction, item: str, step: bytes) -> Replacement:
    words = (f"#pragma omp target update {direction.value}({item})",)
    if not in_statement_list(data, span.start):
        raise Declined("no update can be put beside a statement without braces")
    if direction is Direction.FROM:
        line = _line(data, span.start, words)
        return Replacement(line.start, line.end, step + line.text)
    return _behind(data, span.end, step + indentation(data, span.start) + words[0].encode())
