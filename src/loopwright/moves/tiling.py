"""Tiles for imperfect nests such as factorisations: every statement gets a place in one common band.

Each statement of the nest is placed in a band of as many loops as the deepest one has: per loop of the band,
one of its own loops is chosen such that no dependence goes backward in that loop. Then the band is permutable
and may be tiled (F. Irigoin, R. Triolet, "Supernode partitioning", POPL 1988), and tiles of one anti-diagonal
do not depend on each other and run on all threads. Among the bands that are found the one is taken whose
innermost loop runs along memory (LU: k, i, j).

Proof obligation: every loop of the band carries dependences forward only, and the whole order keeps every
dependence (`analysis.schedules`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Loop
from loopwright.analysis.polyhedral import OutOfTime
from loopwright.analysis.schedules import Schedule, is_legal, is_permutable
from loopwright.analysis.scop import Piece, Scop
from loopwright.core.task import Target
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, refusal
from loopwright.moves.restructure import Rewrite, rewritten, scops
from loopwright.moves.strides import lines_per_iteration

FAMILY = "tiling"
_MOST_PLACES = 60
"""Ways to place the statements in one loop of the band that are tried."""

Places = Mapping[str, int]
"""Per piece id the number of its loop that a loop of the band stands for."""


class Tiling:
    """Proposes tiles for nests of several statements at different depths."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for scop in scops(source):
            if isinstance(scop, str) or not _is_deep(scop):
                continue
            try:
                yield from _proposals(source, scop)
            except (Declined, OutOfTime) as reason:
                words = str(reason) or "the proof did not end in time"
                outermost = scop.items[0] if isinstance(scop.items[0], Loop) else source.nest.root
                yield refusal(source, outermost, FAMILY, words)


def _is_deep(scop: Scop) -> bool:
    """Whether one loop holds statements at three levels or more, not all of them at one."""
    depths = {p.depth for p in scop.pieces}
    return len(scop.items) == 1 and max(depths) >= 3 and len(scop.pieces) > 1 and min(depths) >= 1


def _proposals(source: NestSource, scop: Scop) -> Iterator[Proposal]:
    band = _band(scop)
    names = [_variable(scop, places) for places in band]
    shown = ", ".join(names)
    threads = source.target is Target.OPENMP
    for sizes in _sizes(len(band)):
        tiled = [n for n, size in enumerate(sizes) if size]
        schedule = _schedule(scop, band, sizes, names, threads=threads)
        words = " x ".join(f"{sizes[n]} {names[n]}" for n in tiled)
        note = f"Loops in the order {shown}, in tiles of {words}."
        if threads:
            note += " Tiles of one wave do not depend on each other."
        title = f"loops in the order {shown}, tiles of {words}" + (
            ", waves on all threads" if threads else ""
        )
        yield rewritten(source, scop, Rewrite(schedule, title, 3.0, note=note, wide=True), FAMILY)
    plain = _schedule(scop, band, (0,) * len(band), names, threads=False)
    try:
        yield rewritten(source, scop, Rewrite(plain, f"loops in the order {shown}", 1.8), FAMILY)
    except Declined:
        return


def _band(scop: Scop) -> list[Places]:
    """A place for every piece in each loop of a permutable band. Declined when there is none."""
    deepest = max(p.depth for p in scop.pieces)
    forward = [places for places in _all_places(scop) if _goes_forward(scop, places)]
    found: list[tuple[float, list[Places]]] = []
    for choice in itertools.permutations(forward, deepest):
        if not all(len({places[p.id] for places in choice}) == p.depth for p in scop.pieces):
            continue
        found.append((_cost(scop, choice[-1]), list(choice)))
    for _, band in sorted(found, key=lambda item: item[0]):
        schedule = _schedule(scop, band, (0,) * deepest, [], threads=False)
        if is_legal(scop, schedule)[0] is Answer.PROVED:
            return band
    raise Declined("no common band of its statements goes forward in every loop")


def _all_places(scop: Scop) -> Iterator[Places]:
    ranges = [range(p.depth) for p in scop.pieces]
    for chosen in itertools.islice(itertools.product(*ranges), _MOST_PLACES):
        yield {p.id: n for p, n in zip(scop.pieces, chosen, strict=True)}


def _goes_forward(scop: Scop, places: Places) -> bool:
    rows = {id: (f"s{n}",) for id, n in places.items()}
    return is_permutable(scop, Schedule(rows), (0,))[0] is Answer.PROVED


def _cost(scop: Scop, innermost: Places) -> float:
    """New cache lines an innermost iteration of the deepest pieces touches."""
    deepest = max(p.depth for p in scop.pieces)
    return sum(
        lines_per_iteration(scop.nest, p.statements, p.loops[innermost[p.id]])
        for p in scop.pieces
        if p.depth == deepest
    )


def _variable(scop: Scop, places: Places) -> str:
    """How the deepest piece calls a loop of the band."""
    piece: Piece = max(scop.pieces, key=lambda p: p.depth)
    return piece.loops[places[piece.id]].variable


def _sizes(count: int) -> Sequence[tuple[int, ...]]:
    """Tile sizes to try, the first guess first; the innermost loop is long, for vectors."""
    if count == 3:
        return (16, 64, 0), (32, 32, 0), (64, 64, 64), (32, 32, 128)
    return ((16,) * (count - 1) + (128,),)


def _schedule(
    scop: Scop, band: Sequence[Places], sizes: Sequence[int], names: Sequence[str], *, threads: bool
) -> Schedule:
    """Waves (with threads), tiles, and within them the loops of the band in order."""
    rows: dict[str, tuple[str, ...]] = {}
    tiled = [n for n, size in enumerate(sizes) if size]
    for piece in scop.pieces:
        own = [f"s{places[piece.id]}" for places in band]
        tiles = [f"{sizes[n]}*floor({own[n]}/{sizes[n]})" for n in tiled]
        wave = " + ".join(f"floor({own[n]}/{sizes[n]})" for n in tiled)
        position = str([p.id for p in scop.pieces].index(piece.id))
        rows[piece.id] = (*((wave,) if threads and tiled else ()), *tiles, *own, position)
    wishes = [*(("wave",) if threads and tiled else ()), *(f"{names[n]}_tile" for n in tiled)]
    return Schedule(rows, tuple(wishes))
