"""How far apart the elements lie that consecutive iterations of a loop touch."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from loopwright.analysis.ir import Access, Array, Loop, LoopNest, Statement

LINE_BYTES = 64
"""Size of a cache line on x86-64 and on most ARM processors."""


class Stride(Enum):
    """What the next iteration does: same element, the neighbour, another place, or not known."""

    SAME = "same element"
    UNIT = "stride 1"
    FAR = "strided"
    UNKNOWN = "not affine"


def stride(array: Array, access: Access, loop: Loop) -> Stride:
    """The stride of `access` from one iteration of `loop` to the next (C order: the last subscript is next
    to itself in memory).
    """
    if any(form is None for form in access.subscripts):
        return Stride.UNKNOWN
    steps = [form.coefficient(loop.id) * (loop.step or 1) for form in access.subscripts if form is not None]
    if not any(steps):
        return Stride.SAME
    if any(steps[:-1]):
        return Stride.FAR
    return Stride.UNIT if abs(steps[-1]) * max(1, array.element_bytes) * 2 <= LINE_BYTES else Stride.FAR


def lines_per_iteration(nest: LoopNest, statements: Iterable[Statement], loop: Loop) -> float:
    """Cache lines that one iteration of `loop` newly touches if it is innermost: 1 for a far access,
    element size over line size for a neighbour, 0 for the same element (the model of Carr, McKinley and
    Tseng, ASPLOS 1994, without group reuse). An access that is not affine counts as far.
    """
    seen: set[tuple[str, tuple[object, ...]]] = set()
    total = 0.0
    for statement in statements:
        for access in statement.accesses:
            array = nest.array(access.array)
            key = (access.array, access.subscripts)
            if array.is_scalar or key in seen:
                continue
            seen.add(key)
            match stride(array, access, loop):
                case Stride.UNIT:
                    total += array.element_bytes / LINE_BYTES
                case Stride.FAR | Stride.UNKNOWN:
                    total += 1.0
                case Stride.SAME:
                    pass
    return total
