"""Whole data regions from a data plan: arrays stay on the device while many loops use them there.

The plan says which statements form a region, what is mapped and how, and what host code in between has to see
(:mod:`loopwright.core.data_plan`); :mod:`loopwright.moves.offload_regions` writes it into the source. Each
loop is proved by itself (:mod:`loopwright.moves.offload`); those that cannot be written are left to the host,
and all is planned again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loopwright.analysis.ir import Loop
from loopwright.core.candidate import Edit
from loopwright.core.data_plan import DataPlan, Direction, RegionPlan
from loopwright.core.tree import Tree
from loopwright.moves.canonical import existing_openmp
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, expected_gain
from loopwright.moves.offload import FAMILY, DeviceLoop, device_loop
from loopwright.moves.offload_regions import Written, region_changes
from loopwright.moves.regions import region_around
from loopwright.moves.rewrite import apply, place_before

_HOPED_FOR = 10.0
"""A region is hoped to gain more than its loops with maps of their own."""
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
    written: list[Written] = []
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


def _written(
    tree: Tree, plan: DataPlan, loops: Mapping[tuple[str, int], _Found]
) -> tuple[list[Written], dict[tuple[str, int], str]]:
    """The regions of a plan, and the loops of which no directive could be made, with the reason."""
    made: list[Written] = []
    failed: dict[tuple[str, int], str] = {}
    for region in plan.regions:
        if _says_no_more(region):
            continue
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
        made.append(Written(region, tuple(device), share))
    return made, failed


def _says_no_more(region: RegionPlan) -> bool:
    """Whether the region is around a single loop that runs once and maps the same by itself."""
    alone = len(region.device_loops) == 1 and not region.is_one_loop
    plain = all(a.direction in (Direction.TO, Direction.TOFROM) for a in region.mapped)
    return alone and plain and region.device_loops[0].launches == "1"


def _proposal(tree: Tree, written: Sequence[Written]) -> Iterator[Proposal]:
    try:
        changes = {file: apply(tree[file], found) for file, found in region_changes(tree, written).items()}
    except (Declined, ValueError):
        return
    first = written[0].region
    loops = [loop for each in written for loop in each.loops]
    places = ", ".join(f"{w.region.function} ({w.region.span.file}:{w.region.span.line})" for w in written)
    kept = "" if all(w.region.is_one_loop for w in written) else " with arrays kept on the device"
    title = f"offload {len(loops)} loop{'s' if len(loops) != 1 else ''}{kept}: {places}"
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
