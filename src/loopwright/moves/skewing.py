"""Time tiles: several sweeps of a stencil over one block of the grid while it is in cache.

    for t  for i  for j  ...
becomes loops over tiles of t and of i + a t, where a is the smallest slope with which no dependence goes
backward in the skewed loop; tiles on one anti-diagonal (a wave) do not depend on each other and run on all
threads (L. Lamport, "The parallel execution of DO loops", CACM 1974; M. Wolfe, "More iteration space tiling",
SC 1989). Where a sweep itself carries dependences, as Gauss-Seidel's does, the points of a tile are visited
along lines that carry none, so that the processor need not wait for one point to finish the next.

Proof obligation: the tiled loops form a permutable band (`analysis.schedules.is_permutable`), and the whole
order keeps every dependence (`is_legal`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Affine, Loop
from loopwright.analysis.polyhedral import OutOfTime
from loopwright.analysis.schedules import Schedule, carried, goes_back, is_permutable
from loopwright.analysis.scop import Piece, Scop
from loopwright.core.task import Target
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, refusal
from loopwright.moves.restructure import Rewrite, rewritten, scops

FAMILY = "time-tiles"
_FARTHEST = 2
"""Largest lag of a statement behind those before it, in one step, that is tried."""
_STEEPEST = 2
"""Largest slope that is tried; a stencil of radius r in one array needs r, in two that alternate 2 r."""


@dataclass(frozen=True)
class Sizes:
    """Tile sizes: sweeps, then points in the first and in further dimensions of space (0: not tiled)."""

    sweeps: int
    points: tuple[int, ...]

    @property
    def words(self) -> str:
        """For a title."""
        shown = [str(self.sweeps), *(str(p) if p else "all" for p in self.points)]
        return " x ".join(shown)


class TimeTiles:
    """Proposes tiles over time for loops over time with stencils in them."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for scop in scops(source):
            if isinstance(scop, str):
                continue  # the fusion family says why
            time = scop.items[0]
            if len(scop.items) != 1 or not isinstance(time, Loop) or not _repeats(scop):
                continue
            try:
                yield from _proposals(source, scop)
            except (Declined, OutOfTime) as reason:
                words = str(reason) or "the proof did not end in time"
                yield refusal(source, time, FAMILY, words)


def _repeats(scop: Scop) -> bool:
    """Whether the outer loop sweeps again and again over what the inner loops run through.

    Some statements may stand in fewer loops, as those do that set the rim.
    """
    if max(piece.depth for piece in scop.pieces) < 2 or min(piece.depth for piece in scop.pieces) < 1:
        return False
    outer = scop.pieces[0].loops[0]
    written = {r.array.id for p in scop.pieces for r in p.references if r.is_write}
    moved = (
        form
        for p in scop.pieces
        for r in p.references
        if r.array.id in written
        for form in r.access.subscripts
    )
    return outer.step == 1 and not any(form is None or form.coefficient(outer.id) for form in moved)


def _whole_tiles(scop: Scop, schedule: Schedule) -> str:
    """Keeps isl from writing tiles with a rim and tiles without as loops of their own."""
    # The order of the source, within tiles, has two rows for time: its place and its value.
    inside = max(len(rows) for rows in scop.original.values())
    return "; ".join(f"atomic[{n}]" for n in range(schedule.length - inside + 2))


def _points(scop: Scop) -> Sequence[Mapping[str, str]]:
    """Per dimension of space where each piece works, as isl texts over its loops.

    A piece in all loops works where they say. One in fewer loops works on the element that it writes, of an
    array that another piece writes at its own point.
    """
    deepest = max(p.depth for p in scop.pieces)
    full = [p for p in scop.pieces if p.depth == deepest]
    found: list[dict[str, str]] = [{} for _ in range(1, deepest)]
    for piece in scop.pieces:
        for dimension in range(1, deepest):
            text = f"s{dimension}" if piece.depth == deepest else _place(scop, piece, full, dimension)
            found[dimension - 1][piece.id] = text
    return found


def _place(scop: Scop, piece: Piece, full: Sequence[Piece], dimension: int) -> str:
    own = {loop.id for item in piece.items if isinstance(item, Loop) for loop in item.walk()}
    for mine, other in itertools.product(piece.references, (r for p in full for r in p.references)):
        if not (mine.is_write and other.is_write and mine.array.id == other.array.id):
            continue
        point = other.place.loops[len(scop.outer) + dimension].id
        for form, theirs in zip(mine.access.subscripts, other.access.subscripts, strict=True):
            if form is not None and not form.symbols & own and theirs == Affine.of(**{point: 1}):
                return scop.affine(form, piece)
    raise Declined(f"line {piece.line} stands in fewer loops than others, and writes nothing that they write")


def _proposals(source: NestSource, scop: Scop) -> Iterator[Proposal]:
    rows = _skewed(scop)
    inner = _inner_order(scop)
    uneven = len({p.depth for p in scop.pieces}) > 1
    # Proofs about many statements take long, so fewer sizes are offered for them.
    for sizes in _sizes(scop, wavy=inner is not None)[: 2 if uneven else 3]:
        schedule, wave = _schedule(scop, rows, sizes, inner, threads=source.target is Target.OPENMP)
        time = scop.pieces[0].loops[0].variable
        note = f"Time tiles of {sizes.words}: a block is kept in cache for {sizes.sweeps} steps of {time}."
        if wave:
            note += " Tiles of one wave do not depend on each other."
        yield rewritten(
            source,
            scop,
            Rewrite(
                schedule,
                f"time tiles of {sizes.words}" + (", waves on all threads" if wave else ""),
                3.0 if inner is not None else 1.6,
                options=_whole_tiles(scop, schedule) if uneven else "",
                note=note,
                wide=True,
                whole=uneven,
            ),
            FAMILY,
        )


def _skewed(scop: Scop) -> list[Mapping[str, str]]:
    """Per dimension of space a row for each piece that no dependence goes backward in. Declined if none."""
    points = _points(scop)
    return [_row(scop, points, dimension) for dimension in range(1, len(points) + 1)]


def _row(scop: Scop, points: Sequence[Mapping[str, str]], dimension: int) -> Mapping[str, str]:
    """The row with the smallest slope over time, lean over the dimension before, and lags of the pieces."""
    leaning: dict[int, Mapping[str, str] | None] = {}
    choices = itertools.product(range(_STEEPEST + 1), range(2) if dimension > 1 else range(1))
    for slope, lean in sorted(choices, key=lambda c: (sum(c), c)):
        if lean not in leaning:
            leaning[lean] = _in_step(scop, points, dimension, lean)
        in_step = leaning[lean]
        if in_step is None:
            continue
        rows = {id: f"{row} + {slope}*s0" if slope else row for id, row in in_step.items()}
        if _goes_forward(scop, rows):
            return rows
    full = max(scop.pieces, key=lambda p: p.depth)
    variable = full.loops[dimension].variable
    raise Declined(f"no skew of the loop over {variable} up to slope {_STEEPEST} goes forward only")


def _in_step(
    scop: Scop, points: Sequence[Mapping[str, str]], dimension: int, lean: int
) -> Mapping[str, str] | None:
    """Rows in which each piece lags behind those before it as far as one step asks for; None if too far."""
    rows: dict[str, str] = {}
    for piece in scop.pieces:
        point = " + ".join([points[dimension - 1][piece.id], *[points[dimension - 2][piece.id]] * lean])
        for lag in range(_FARTHEST + 1):
            rows[piece.id] = f"{point} + {lag}" if lag else point
            known = {p.id: ("s0", rows.get(p.id, "0")) for p in scop.pieces}
            if not goes_back(scop, Schedule(known), 1, rows):
                break
        else:
            return None
    return rows


def _goes_forward(scop: Scop, rows: Mapping[str, str]) -> bool:
    alone = Schedule({id: (row,) for id, row in rows.items()})
    return is_permutable(scop, alone, (0,))[0] is Answer.PROVED


def _inner_order(scop: Scop) -> tuple[str, ...] | None:
    """For one piece whose sweep carries dependences: time, lines of points, points of a line (parallel)."""
    piece = scop.pieces[0]
    if len(scop.pieces) != 1 or piece.depth != 3:
        return None
    last = Schedule({piece.id: ("s0", "s1", "s2")})
    if not carried(scop, last, 2, [piece.id]):
        return None
    for lean in (1, 2):
        rows = ("s0", f"{lean}*s1 + s2", "s1")
        if not carried(scop, Schedule({piece.id: rows}), 2, [piece.id]):
            return rows
    return None


def _sizes(scop: Scop, *, wavy: bool) -> Sequence[Sizes]:
    """Tile sizes to try, the first guess first.

    A wave has at most as many tiles as there are tiles over time: few sweeps in one keep all threads busy,
    and one thread is hardly slower with them (within 5 % on a sweep of 2000 x 2000 points).
    """
    depth = max(p.depth for p in scop.pieces)
    if wavy:
        return Sizes(4, (32, 0)), Sizes(8, (32, 0)), Sizes(16, (16, 0))
    if depth == 2:
        return Sizes(32, (1024,)), Sizes(128, (4096,))
    if depth == 3:
        return Sizes(8, (32, 0)), Sizes(16, (32, 0)), Sizes(16, (64, 256))
    return Sizes(4, (16, 16, 0)), Sizes(4, (16, 0, 0)), Sizes(8, (16, 32, 0))


def _schedule(
    scop: Scop,
    skewed: Sequence[Mapping[str, str]],
    sizes: Sizes,
    inner: tuple[str, ...] | None,
    *,
    threads: bool,
) -> tuple[Schedule, bool]:
    """Waves (with threads), tiles, and within them the order of the source or `inner`."""
    rows: dict[str, tuple[str, ...]] = {}
    names = [*(("wave",) if threads else ()), f"{scop.pieces[0].loops[0].variable}_tile"]
    tiled = [n for n, size in enumerate(sizes.points) if size]
    full = max(scop.pieces, key=lambda p: p.depth)
    names += [f"{full.loops[n + 1].variable}_tile" for n in tiled]
    for piece in scop.pieces:
        blocks = [(sizes.sweeps, "s0"), *((sizes.points[n], skewed[n][piece.id]) for n in tiled)]
        tiles = [f"{size}*floor(({row})/{size})" for size, row in blocks]
        wave = " + ".join(f"floor(({row})/{size})" for size, row in blocks[:2])
        within = inner if inner is not None else scop.original[piece.id]
        rows[piece.id] = (*((wave,) if threads else ()), *tiles, *within)
    if inner is not None:
        names += ["", "line", ""]
    return Schedule(rows, tuple(names)), threads
