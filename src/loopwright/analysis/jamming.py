"""Whether iterations of a loop that follow each other may run side by side: the question of unroll-and-jam.

Of `factor` consecutive iterations every part of the body runs for all of them, in their order, before the
next part does; an inner loop that is jammed runs once, and each of its iterations does the same for all of
them. Between iterations of different blocks nothing changes. So the new order breaks a dependence only when
its two ends lie less than `factor` iterations apart and the place of the later one in the jammed body comes
first (F. Allen and J. Cocke, "A catalogue of optimizing transformations", 1972; S. Carr and K. Kennedy,
"Improving the ratio of memory operations to floating-point operations in loops", ACM TOPLAS 1994).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loopwright.analysis.dependence import is_exact_reduction, obstacles, overlaps, reduction_operation
from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Loop, LoopNest, Storage
from loopwright.analysis.legality import Verdict
from loopwright.analysis.polyhedral import Model, OutOfTime, Reference, Solver, direction

Steps = tuple[int | str, ...]
"""Where a statement stands in the jammed body: its position in the list of statements, then the id of the
loop that is jammed there, its position in that loop's body, and so on. What runs iteration by iteration ends
it."""


def jam_legal(
    nest: LoopNest, loop: Loop, factor: int, places: Mapping[str, Steps], *, seconds: float = 5.0
) -> Verdict:
    """Whether `factor` iterations of `loop` may be jammed; `places` has the steps of each statement by id.

    Objects declared in the loop count as one for each iteration. KeyError when a place is missing.
    """
    doubts = [u.reason for u in obstacles(nest, loop)]
    if doubts or loop.step != 1:
        return Answer.UNKNOWN, doubts[0] if doubts else f"the loop over {loop.variable} does not count by one"
    try:
        model = Model(nest, Solver(seconds))
        doubts = [u.reason for u in overlaps(model, loop)]
        if doubts:
            return Answer.UNKNOWN, doubts[0]
        for references in model.arrays.values():
            if broken := _broken(model, loop, factor, places, references):
                return broken
    except OutOfTime:
        return Answer.UNKNOWN, f"the proof for the loop over {loop.variable} did not end within {seconds:g} s"
    near = f"less than {factor} iterations of {loop.variable}"
    return Answer.PROVED, f"no dependence over {near} runs backward in the jammed body"


def _broken(
    model: Model, loop: Loop, factor: int, places: Mapping[str, Steps], references: Sequence[Reference]
) -> Verdict | None:
    inside = [r for r in references if r.under(loop)]
    if not any(r.is_write for r in inside):
        return None
    array = inside[0].array
    own = {inner.id for inner in loop.walk()}
    if array.storage is Storage.LOCAL and array.declared_in in own:
        return None
    if array.is_scalar and any(array.name == inner.variable for inner in loop.walk()):
        return Answer.UNKNOWN, f"the loop variable {array.name} is changed"
    operation = reduction_operation(inside)
    if operation is not None and is_exact_reduction(array, operation):
        return None
    for first in inside:
        for second in inside:
            if not (first.is_write or second.is_write):
                continue
            text = _backward(loop, factor, (first, places), (second, places))
            if text is None:
                continue
            pairs, certain = model.conflicts(first, second, loop)
            if not model.solver.is_empty(pairs, model.ordered(first.place, second.place, text)):
                would = "would" if certain else "may"
                words = f"a dependence {would} be turned round: {array.name}, from line {first.line}"
                answer = Answer.REFUTED if certain else Answer.UNKNOWN
                return answer, f"{words} to line {second.line}"
    return None


def _backward(
    loop: Loop,
    factor: int,
    earlier: tuple[Reference, Mapping[str, Steps]],
    later: tuple[Reference, Mapping[str, Steps]],
) -> str | None:
    """isl text for: `later` is of a later iteration of the same block, and runs first. None if never."""
    (first, places), (second, _) = earlier, later
    depth = [inner.id for inner in first.place.loops].index(loop.id)
    times = {inner.id: (n, direction(inner)) for n, inner in enumerate(first.place.loops)}
    choices: list[str] = []
    same: list[str] = []
    for a, b in zip(places[first.place.statement.id], places[second.place.statement.id], strict=False):
        if isinstance(a, int) and isinstance(b, int):
            if b < a:
                choices.append(" and ".join([*same, "1 = 1"]))
            if a != b:
                break
            continue
        # Both stand at one position, so this is the same loop for both.
        n, sign = times[str(a)]
        before, after = ("s", "t") if sign > 0 else ("t", "s")
        choices.append(" and ".join([*same, f"{after}{n} < {before}{n}"]))
        same.append(f"s{n} = t{n}")
    if not choices:
        return None
    block = f"s{depth} < t{depth} and t{depth} < s{depth} + {factor}"
    return f"{block} and ({' or '.join(f'({c})' for c in choices)})"
