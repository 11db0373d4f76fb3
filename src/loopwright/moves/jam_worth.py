"""What unroll-and-jam of a loop may gain, by counting; and how the bounds of inner loops move with it."""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.analysis.ir import Access, AccessKind, Affine, Loop
from loopwright.moves.canonical import existing_openmp
from loopwright.moves.jam_code import Triangle
from loopwright.moves.loop_bounds import written_bounds
from loopwright.moves.move import NestSource
from loopwright.moves.strides import Stride, lines_per_iteration, stride

_MOST = 2.2
"""A guess above that would put it before moves that do the same thing better, as vectors for sums."""


def jam_worth(source: NestSource, loop: Loop, factor: int) -> float:
    """The hoped-for gain: fewer loads and stores, sums that do not wait, fewer cache lines. A guess."""
    inner = [
        m for m in loop.walk()[1:] if not m.loops and triangle_of(source, loop, m, dry=True) is not False
    ]
    return max((_worth_inside(source, loop, m, factor) for m in inner), default=1.0)


def _worth_inside(source: NestSource, loop: Loop, inner: Loop, factor: int) -> float:
    nest, statements = source.nest, inner.statements()
    accesses = [a for s in statements for a in s.accesses if not nest.array(a.array).is_scalar]
    moving = [a for a in accesses if _moves(a.subscripts, inner)]
    waits = any(
        a.reduction and nest.array(a.array).is_float and not _moves(a.subscripts, inner)
        for s in statements for a in s.accesses
    )  # fmt: skip
    waits = waits and "reduction" not in existing_openmp(source.data, inner)
    loads, stores = _touched(moving, loop, 1)
    more_loads, more_stores = _touched(moving, loop, factor)
    held = more_loads + more_stores
    fewer = (loads + stores) * factor / held if held else 1.0
    # Loads of a neighbour that is at hand are cheap anyway: a stencil of nine points lost by it.
    each_stores = 0 < stores * factor == more_stores
    gain = 1.0 + (0.15 if each_stores else 0.4) * (fewer - 1.0)
    lines = lines_per_iteration(nest, statements, inner)
    shared = {
        (a.array, a.subscripts)
        for a in moving
        if stride(nest.array(a.array), a, inner) is Stride.FAR
        and stride(nest.array(a.array), a, loop) is Stride.UNIT
    }
    if shared:
        gain *= (lines / (lines - len(shared) * (1 - 1 / factor))) ** 0.5
    gain = max(gain, 1.6 + 0.05 * factor) if waits else gain
    return min(_MOST, gain * min(1.0, source.vector.registers / held)) if held else gain


def _touched(accesses: Sequence[Access], loop: Loop, factor: int) -> tuple[int, int]:
    """Loads and stores of one jammed iteration: what was loaded or stored once is at hand."""
    known: set[object] = set()
    stored: set[object] = set()
    loads = 0
    for n in range(factor):
        for access in accesses:
            forms = [_shifted(f, loop, n) if f else None for f in access.subscripts]
            key = (access.array, *(forms if None not in forms else (id(access), n)))
            if access.kind is AccessKind.WRITE:
                stored.add(key)
            elif key not in known:
                loads += 1
            known.add(key)
    return loads, len(stored)


def _moves(subscripts: Sequence[Affine | None], loop: Loop) -> bool:
    return any(form is None or form.coefficient(loop.id) for form in subscripts)


def _shifted(form: Affine, loop: Loop, n: int) -> Affine:
    return form + Affine(form.coefficient(loop.id) * n)


def triangle_of(source: NestSource, loop: Loop, inner: Loop, *, dry: bool = False) -> Triangle | bool:
    """How the bounds of `inner` move with `loop`; True: they do not; False: in a way that is not handled."""
    if not inner.lower or not inner.upper or not inner.step or inner.live_out_variable:
        return False
    lows, highs = ([form.coefficient(loop.id) for form in bound] for bound in (inner.lower, inner.upper))
    if not any((*lows, *highs)):
        return True
    if inner.loops or inner.step != 1 or len(lows) != 1 or len(highs) != 1 or {lows[0], highs[0]} != {0, 1}:
        return False
    if not loop.lower or not loop.upper or len(loop.lower) != 1 or len(loop.upper) != 1:
        return False
    grows = highs[0] == 1
    # What all iterations of a block have must not end before it begins, or the rest would begin too early.
    other = loop.lower[0] if grows else loop.upper[0] + Affine(-1)
    width = _at(inner.upper[0], loop, other) + _at(inner.lower[0], loop, other).scaled(-1)
    if width.terms or width.constant < 0:
        return False
    if dry:
        return True
    low, high, inclusive = written_bounds(source, inner)
    return Triangle(grows, low, high, " + 1" if inclusive else "")


def _at(form: Affine, loop: Loop, value: Affine) -> Affine:
    """The form with the loop's variable being `value`."""
    factor = form.coefficient(loop.id)
    return form + Affine.of(0, **{loop.id: -factor}) + value.scaled(factor)
