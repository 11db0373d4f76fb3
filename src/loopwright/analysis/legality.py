"""Whether the iterations of perfectly nested loops may run in another order.

A new order is legal when every dependence still goes forward in time. Dependences are memory-based and exact
where the IR is; objects private to each innermost iteration, and reductions that may be reordered, are set
aside. The answers are about order only: loop headers can be exchanged as they stand only in a rectangular
band (:func:`is_rectangular`).
M. Wolf and M. Lam, "A loop transformation theory and an algorithm to maximize parallelism", IEEE TPDS 1991.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loopwright.analysis.dependence import (
    analyse,
    is_exact_reduction,
    obstacles,
    overlaps,
    reduction_operation,
)
from loopwright.analysis.dependence_private import Copies, privacy
from loopwright.analysis.domains import path_to
from loopwright.analysis.facts import Answer, NestFacts
from loopwright.analysis.ir import Loop, LoopNest, Storage, Unknown
from loopwright.analysis.polyhedral import Model, OutOfTime, Reference, Solver, direction

Verdict = tuple[Answer, str]
"""An answer, and the reason as a sentence for people."""

Matrix = Sequence[Sequence[int]]
"""One row per new loop, outermost first; one column per loop of the band. A column stands for the value of
the loop's induction variable, negated for a loop that counts down: it grows with time in every loop."""


Violated = Callable[[list[str], list[str]], str]
"""isl text for 'this dependence goes backward', from the times of its source and of its sink."""


@dataclass(frozen=True)
class _Band:
    """Consecutive perfectly nested loops; `first` is the depth of the outermost."""

    loops: tuple[Loop, ...]
    first: int

    def times(self, name: str) -> list[str]:
        """Per loop the isl text that grows from iteration to iteration."""
        return [
            f"{name}{self.first + n}" if direction(loop) > 0 else f"(-{name}{self.first + n})"
            for n, loop in enumerate(self.loops)
        ]

    @property
    def words(self) -> str:
        """The loops' variables for a message."""
        return ", ".join(loop.variable for loop in self.loops)


def order_legal(
    nest: LoopNest,
    band: Sequence[str],
    new_order: Sequence[str],
    *,
    allow_rounding: bool = False,
    seconds: float = 5.0,
) -> Verdict:
    """Whether the loops of `band` (ids, outermost first) may be nested as in `new_order`.

    With `allow_rounding` floating-point reductions may be combined in another order. ValueError when
    `new_order` is not an order of the same loops; KeyError for an id that is not in the nest.
    """
    if sorted(band) != sorted(new_order):
        raise ValueError(f"{list(new_order)} is not an order of the loops {list(band)}")
    positions = [list(band).index(id) for id in new_order]

    def violated(source: list[str], sink: list[str]) -> str:
        return _less([sink[p] for p in positions], [source[p] for p in positions])

    return _decide(nest, band, violated, allow_rounding=allow_rounding, seconds=seconds)


def interchange_legal(
    nest: LoopNest, outer_id: str, inner_id: str, *, allow_rounding: bool = False, seconds: float = 5.0
) -> Verdict:
    """Whether two loops of one perfect band may change places; loops between them stay where they are."""
    path = [loop.id for loop in path_to(nest, inner_id)]
    if outer_id not in path[:-1]:
        return Answer.UNKNOWN, f"loop {outer_id} is not around loop {inner_id}"
    band = path[path.index(outer_id) :]
    return order_legal(
        nest, band, [inner_id, *band[1:-1], outer_id], allow_rounding=allow_rounding, seconds=seconds
    )


def schedule_legal(
    nest: LoopNest,
    matrix: Matrix,
    band: Sequence[str] | None = None,
    *,
    allow_rounding: bool = False,
    seconds: float = 5.0,
) -> Verdict:
    """Whether the loops may run in the lexicographic order of `matrix` times their iteration vector.

    `band` is by default the root of the nest with all loops perfectly nested in it. ValueError when the
    matrix has another number of columns than the band has loops.
    """
    chosen = perfect_band(nest) if band is None else tuple(band)
    _check_columns(matrix, chosen)

    def violated(source: list[str], sink: list[str]) -> str:
        before, after = _rows(matrix, source), _rows(matrix, sink)
        same = " and ".join(f"{a} = {b}" for a, b in zip(before, after, strict=True))
        return f"({_less(after, before)} or ({same}))"

    return _decide(nest, chosen, violated, allow_rounding=allow_rounding, seconds=seconds)


def tilable(
    nest: LoopNest,
    band: Sequence[str],
    matrix: Matrix | None = None,
    *,
    allow_rounding: bool = False,
    seconds: float = 5.0,
) -> Verdict:
    """Whether the band, after `matrix` (default: as it is), is fully permutable and so may be tiled.

    Every dependence must go forward or stay in every one of the new loops: then tiles of any size, and any
    order of the loops, are legal too. ValueError when the matrix does not fit or is not invertible.
    """
    size = len(band)
    chosen = matrix if matrix is not None else [[int(r == c) for c in range(size)] for r in range(size)]
    _check_columns(chosen, band)
    if len(chosen) != size or determinant(chosen) == 0:
        raise ValueError(f"a schedule of {size} loops needs an invertible {size} x {size} matrix")

    def violated(source: list[str], sink: list[str]) -> str:
        rows = zip(_rows(chosen, source), _rows(chosen, sink), strict=True)
        return "(" + " or ".join(f"{after} < {before}" for before, after in rows) + ")"

    return _decide(nest, band, violated, allow_rounding=allow_rounding, seconds=seconds)


def collapse_legal(nest: LoopNest, band: Sequence[str], facts: NestFacts | None = None) -> Verdict:
    """Whether `collapse(len(band))` is legal on the outermost loop of the band.

    OpenMP 5.2, 4.4.1 asks for perfectly nested loops with nothing between them; bounds that depend on each
    other are refused here although later versions permit some.
    """
    found = _band(nest, band)
    if isinstance(found, str):
        return Answer.UNKNOWN, found
    if not is_rectangular(nest, band):
        return Answer.REFUTED, f"the bounds of the loops {found.words} depend on each other"
    known = facts if facts is not None else analyse(nest)
    answers = [known.loops[loop.id] for loop in found.loops]
    for loop, fact in zip(found.loops, answers, strict=True):
        if fact.parallel is not Answer.PROVED:
            return fact.parallel, f"loop {loop.variable} alone is not parallel: {fact.reason}"
        if loop.live_out_variable:
            return Answer.UNKNOWN, f"the loop variable {loop.variable} may be needed after the loop"
    private = {id for fact in answers for id in (*fact.private, *fact.last_private)}
    combined = {(r.variable, r.op) for fact in answers for r in fact.reductions}
    for variable, _ in combined:
        if variable in private or len({op for v, op in combined if v == variable}) > 1:
            return Answer.UNKNOWN, f"{variable} would be private in one loop and combined in another"
    return Answer.PROVED, f"the loops {found.words} are perfectly nested, rectangular and all parallel"


def is_rectangular(nest: LoopNest, band: Sequence[str]) -> bool:
    """Whether no bound of a loop depends on another loop of the band, so that headers can change places."""
    ids = set(band)
    loops = [path_to(nest, id)[-1] for id in band]
    return all(
        bound is not None and not any(form.symbols & ids for form in bound)
        for loop in loops
        for bound in (loop.lower, loop.upper)
    )


def perfect_band(nest: LoopNest, loop_id: str | None = None) -> tuple[str, ...]:
    """The loop (default: the root) and all loops perfectly nested in it, outermost first."""
    loop = nest.root if loop_id is None else path_to(nest, loop_id)[-1]
    band = [loop.id]
    while loop.is_perfect:
        loop = loop.loops[0]
        band.append(loop.id)
    return tuple(band)


def determinant(matrix: Matrix) -> int:
    """The determinant of a small square integer matrix, by cofactors."""
    if not matrix:
        return 1
    return sum(
        (-1) ** column * value * determinant([[*row[:column], *row[column + 1 :]] for row in matrix[1:]])
        for column, value in enumerate(matrix[0])
        if value
    )


def _check_columns(matrix: Matrix, band: Sequence[str]) -> None:
    if not matrix or any(len(row) != len(band) for row in matrix):
        raise ValueError(f"a schedule of {len(band)} loops needs rows of {len(band)} numbers")


def _rows(matrix: Matrix, times: Sequence[str]) -> list[str]:
    return [
        "(" + (" + ".join(f"{c}*{t}" for c, t in zip(row, times, strict=True) if c) or "0") + ")"
        for row in matrix
    ]


def _less(first: Sequence[str], second: Sequence[str]) -> str:
    """isl text for `first` lexicographically before `second`."""
    choices = []
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        equal = [f"{x} = {y}" for x, y in zip(first[:n], second[:n], strict=True)]
        choices.append("(" + " and ".join([*equal, f"{a} < {b}"]) + ")")
    return "(" + " or ".join(choices) + ")"


def _band(nest: LoopNest, ids: Sequence[str]) -> _Band | str:
    if not ids:
        return "a band needs at least one loop"
    path = path_to(nest, ids[-1])
    first = len(path) - len(ids)
    if first < 0 or [loop.id for loop in path[first:]] != list(ids):
        return f"the loops {', '.join(ids)} are not nested directly in each other in this order"
    for loop in path[first:-1]:
        if not loop.is_perfect:
            return f"loop {loop.variable} (line {loop.header.line}) holds more than the next loop"
    return _Band(path[first:], first)


def _obstacles(model: Model, band: _Band) -> list[Unknown]:
    found: list[Unknown] = []
    for loop in band.loops:
        found += obstacles(model.nest, loop)
        if loop.live_out_variable:
            words = f"the loop variable {loop.variable} may be needed after the loop"
            found.append(Unknown(words, loop.header.line))
        if any(r.array.is_scalar and r.array.name == loop.variable and r.is_write for r in model.references):
            found.append(Unknown(f"the loop variable {loop.variable} is changed", loop.header.line))
    return [*found, *overlaps(model, band.loops[0])]


def _set_aside(model: Model, band: _Band, inside: Sequence[Reference], *, allow_rounding: bool) -> bool:
    """Whether dependences of one array do not bind the order of the band."""
    array, innermost = inside[0].array, band.loops[-1]
    if array.storage is Storage.LOCAL and array.declared_in in {loop.id for loop in innermost.walk()}:
        return True
    operation = reduction_operation(inside)
    if operation is not None and (allow_rounding or is_exact_reduction(array, operation)):
        return True
    return privacy(model, innermost, array).copies is Copies.PRIVATE


def _decide(
    nest: LoopNest,
    ids: Sequence[str],
    violated: Violated,
    *,
    allow_rounding: bool,
    seconds: float,
) -> Verdict:
    """Looks for a dependence that would go backward; `violated` says when, from source and sink times."""
    band = _band(nest, ids)
    if isinstance(band, str):
        return Answer.UNKNOWN, band
    try:
        return _search(Model(nest, Solver(seconds)), band, violated, allow_rounding=allow_rounding)
    except OutOfTime:
        return Answer.UNKNOWN, f"the proof for the loops {band.words} did not end within {seconds:g} s"
    except Exception as error:
        # As in dependence.analyse: what cannot be modelled proves nothing.
        return Answer.UNKNOWN, f"the analysis failed ({type(error).__name__}: {error})"


def _search(model: Model, band: _Band, violated: Violated, *, allow_rounding: bool) -> Verdict:
    doubts = [f"{unknown.reason} (line {unknown.line})" for unknown in _obstacles(model, band)]
    if any(direction(loop) == 0 for loop in band.loops):
        return Answer.UNKNOWN, doubts[0]
    for references in model.arrays.values():
        inside = [r for r in references if r.under(band.loops[0])]
        if not any(r.is_write for r in inside):
            continue
        broken = _turned_round(model, band, inside, violated)
        if not broken or _set_aside(model, band, inside, allow_rounding=allow_rounding):
            continue
        for source, sink, certain in broken:
            where = f"{source.array.name}, from line {source.line} to line {sink.line}"
            if certain:
                return Answer.REFUTED, f"a dependence would be turned round: {where}"
            doubts.append(f"a dependence may be turned round: {where}")
    if doubts:
        return Answer.UNKNOWN, doubts[0]
    return Answer.PROVED, f"every dependence stays forward in the loops {band.words}"


def _turned_round(
    model: Model, band: _Band, inside: Sequence[Reference], violated: Violated
) -> list[tuple[Reference, Reference, bool]]:
    """Source, sink and certainty of the dependences that go backward in the new order; certain ones first."""
    s, t = band.times("s"), band.times("t")
    found: list[tuple[Reference, Reference, bool]] = []
    for n, first in enumerate(inside):
        for second in inside[n:]:
            if not (first.is_write or second.is_write):
                continue
            pairs, certain = model.conflicts(first, second, band.loops[0])
            if model.solver.is_empty(pairs):
                continue
            orders = [(first, second, s, t), (second, first, t, s)][: 1 if first is second else 2]
            for source, sink, before, after in orders:
                text = f"{_less(before, after)} and {violated(before, after)}"
                if not model.solver.is_empty(pairs, model.ordered(first.place, second.place, text)):
                    found.append((source, sink, certain))
    return sorted(found, key=lambda item: not item[2])
