"""What kind of computation a loop nest is, from what it touches: for reports and for the order of moves."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from loopwright.analysis.ir import Access, AccessKind, Affine, Loop, LoopNest, Statement


class NestClass(StrEnum):
    """The kinds, most special first."""

    SPARSE = "sparse"
    """Elements are read through an index array, as in x[column[k]]."""
    HISTOGRAM = "histogram"
    """Elements are updated at places that are computed, as in h[bin]++."""
    STENCIL = "stencil"
    """Elements are computed from neighbours at constant distances in a loop."""
    DENSE = "dense"
    """Products summed over a loop into an array element or a local, as in matrix multiplication."""
    REDUCTION = "reduction"
    """One number out of many."""
    RECURRENCE = "recurrence"
    """An array element from one before it in the same array, or a scalar carried along."""
    STREAM = "stream"
    """Element by element."""
    OTHER = "other"


def classify(nest: LoopNest) -> NestClass:
    """The kind of the nest, judged by its innermost loops. A description, not a proof of anything."""
    pairs = list(_innermost(nest.root))
    accesses = [access for statement, _ in pairs for access in statement.accesses]
    arrays = [a for a in accesses if a.subscripts]
    unknown = [a for a in arrays if any(s is None for s in a.subscripts)]
    if any(a.reduction and a.kind is AccessKind.WRITE for a in unknown):
        return NestClass.HISTOGRAM
    if any(a.kind is AccessKind.READ for a in unknown):
        return NestClass.SPARSE
    if any(_is_carried(statement) for statement, _ in pairs):
        return NestClass.RECURRENCE
    if _neighbours(arrays):
        return NestClass.STENCIL
    reduced = [(a, loop) for statement, loop in pairs for a in statement.accesses if a.reduction]
    inner_sum = [a for a, loop in reduced if not any(s and loop.id in s.symbols for s in a.subscripts)]
    if inner_sum:
        deep = len(_depths(nest.root)) > 1 and any(_sums_in_element(nest, a) for a in inner_sum)
        return NestClass.DENSE if deep else NestClass.REDUCTION
    if any(a.kind is AccessKind.WRITE for a in arrays):
        return NestClass.STREAM
    return NestClass.OTHER


def _innermost(loop: Loop) -> Iterator[tuple[Statement, Loop]]:
    if not loop.loops:
        yield from ((statement, loop) for statement in loop.statements())
    for inner in loop.loops:
        yield from _innermost(inner)


def _depths(loop: Loop) -> set[int]:
    return {1} | {depth + 1 for inner in loop.loops for depth in _depths(inner)}


def _sums_in_element(nest: LoopNest, access: Access) -> bool:
    return bool(access.subscripts) or nest.array(access.array).declared_in is not None


def _difference(first: Affine, second: Affine) -> int | None:
    rest = first + second.scaled(-1)
    return None if rest.terms else rest.constant


def _distance(first: Access, second: Access) -> tuple[int | None, ...]:
    return tuple(
        None if a is None or b is None else _difference(a, b)
        for a, b in zip(first.subscripts, second.subscripts, strict=False)
    )


def _neighbours(arrays: list[Access]) -> bool:
    reads = [a for a in arrays if a.kind is AccessKind.READ]
    for index, first in enumerate(reads):
        for second in reads[:index]:
            distance = _distance(first, second)
            if first.array == second.array and None not in distance and any(distance):
                return True
    return False


def _is_carried(statement: Statement) -> bool:
    """Whether a statement makes a value from an earlier one of the same array or scalar, other than a sum."""
    for write in statement.accesses:
        for read in statement.accesses:
            if write.kind is AccessKind.READ or read.kind is AccessKind.WRITE or read.array != write.array:
                continue
            if not write.subscripts and not write.reduction:
                return True
            distance = _distance(write, read)
            if None not in distance and any(distance):
                return True
    return False
