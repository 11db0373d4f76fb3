"""Integers as C computes them: which values a type holds, and constants folded."""

from __future__ import annotations

from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.syntax import CType, Expr

_ROOM = 8
"""Bits that the variable in a product with a number has in the upper half of its unsigned type, at least."""


def is_boolean(type_: CType) -> bool:
    """Whether the type is bool, to which every number but zero becomes 1 (C11 6.3.1.2)."""
    return type_.spelling in ("_Bool", "bool")


def held(value: Polynomial | None, type_: CType) -> Polynomial | None:
    """The value when the type holds it as it is, None when it may be another number there.

    An unsigned number from the upper half of its type is as good as negative: adding it wraps (C11 6.2.5p9).
    Of a value with symbols only the coefficients are looked at.
    """
    if value is None:
        return None
    half = 1 << (8 * max(type_.size, 1) - 1)
    number = value.value
    if number is None:
        # A large factor of an unsigned number is there to wrap, as in a hash.
        most = half >> _ROOM if type_.unsigned else half
        limits = ((half if not symbols else most, factor) for symbols, factor in value.terms)
        return value if all(-limit <= factor < limit for limit, factor in limits) else None
    if is_boolean(type_):
        return value if number in (0, 1) else None
    if type_.unsigned:
        # Types narrower than int become int before anything is computed.
        return value if 0 <= number < (half if type_.size >= 4 else 2 * half) else None
    return value if -half <= number < half else None


def folded(op: str, left: Polynomial, right: Polynomial) -> Polynomial | None:
    """Division, remainder and shifts of numbers, and products with a power of two."""
    b = right.value
    if b is None:
        return None
    if op == "<<" and 0 <= b < 31:
        return left.scaled(1 << b)
    a = left.value
    if a is None or a < 0 or b <= 0:
        return None
    return Polynomial.constant({"/": a // b, "%": a % b, ">>": a >> min(b, 63)}.get(op, 0))


def is_constant(expr: Expr) -> bool:
    """Whether it is made of numbers by sums and by what :func:`folded` understands, and so has one value."""
    known = ("+", "-", "*", "/", "%", "<<", ">>")
    return all(
        part.kind in ("int", "cast") or (part.kind in ("unary", "binary") and part.op in known)
        for part in expr.walk()
    )


def is_negative(value: Polynomial) -> bool:
    """Whether it is a number below zero, which is none among unsigned ones."""
    return value.value is not None and value.value < 0
