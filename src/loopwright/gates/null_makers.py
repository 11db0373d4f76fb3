"""How the outputs of programs that did not do the work are made from the right ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from loopwright.core.task import Tolerance
from loopwright.gates.compare import AnyArray

LOW_PRECISION = "low-precision"
ZEROS = "zeros"
LOWER = {8: ("f4", "single"), 4: ("f2", "half")}
"""Bytes of a float to the type below it, and what people call that."""

_Flat = npt.NDArray[np.generic]
_Maker = Callable[[_Flat, Tolerance], "_Flat | None"]


def nulls_of(
    reference: AnyArray, tolerance: Tolerance, skip: Collection[str] = ()
) -> Iterator[tuple[str, AnyArray]]:
    """(name, array) of every null candidate that needs nothing but the right output and is not in `skip`.
    Some do not apply: one number cannot be permuted, an integer has no lower precision.
    """
    flat = np.ravel(reference)
    for name, make in _MAKERS.items():
        if name not in skip and flat.size and (made := make(flat, tolerance)) is not None:
            yield name, made.reshape(reference.shape)


def _zero(flat: _Flat) -> Any:
    return b"" if flat.dtype == object else flat.dtype.type(0)


def _poison(flat: _Flat) -> Any:
    if flat.dtype.kind == "f":
        return flat.dtype.type(np.nan)
    return np.frombuffer(b"\xa5" * flat.dtype.itemsize, dtype=flat.dtype)[0]


def _filled(flat: _Flat, first: int, value: Any) -> _Flat:
    """`flat` with everything from `first` on replaced."""
    made = flat.copy()
    made[first:] = value
    return made


def _is_text(flat: _Flat) -> bool:
    return flat.dtype == object


def _several(flat: _Flat) -> bool:
    """Whether there is more than one element to leave out or to swap; the empty line at the end of a text
    is none.
    """
    return flat.size > 1 and (not _is_text(flat) or sum(bool(line) for line in flat) > 1)


def _constant(flat: _Flat, _: Tolerance) -> _Flat | None:
    if _is_text(flat) or not _several(flat):
        return None
    numbers = flat.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    mean = float(np.mean(finite)) if finite.size else 0.0
    if flat.dtype.kind == "f":
        return np.full_like(flat, mean)
    limits = np.iinfo(flat.dtype.str)
    # As a double the mean of the largest integers is one too large.
    return np.full_like(flat, min(max(round(mean), limits.min), limits.max))


def _permuted(flat: _Flat, _: Tolerance) -> _Flat | None:
    if not _several(flat):
        return None
    order = np.random.default_rng(1).permutation(flat.size)
    # Few elements may come out in their old order.
    return flat[np.roll(order, 1) if bool(np.all(order == np.arange(flat.size))) else order]


def _low_precision(flat: _Flat, _: Tolerance) -> _Flat | None:
    lower = LOWER.get(flat.dtype.itemsize)
    if flat.dtype.kind != "f" or lower is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(flat.astype(np.dtype(lower[0])).astype(flat.dtype))


def _chosen(flat: _Flat) -> int | None:
    """A random element, none of the smaller half: those may be nothing but rounding. None: all are zero."""
    with np.errstate(over="ignore"):
        size = np.abs(flat.astype(np.float64))
    usable = np.flatnonzero(np.isfinite(size) & (size > 0))
    if not usable.size:
        return None
    large = usable[size[usable] >= np.median(size[usable])]
    return int(np.random.default_rng(2).choice(large))


def _sign_flipped(flat: _Flat, _: Tolerance) -> _Flat | None:
    if flat.dtype.kind not in "fi" or (at := _chosen(flat)) is None:
        return None
    made = flat.copy()
    made[at] = -made[at]
    return made


def _off_by_ten(flat: _Flat, tolerance: Tolerance) -> _Flat | None:
    """One element ten times the tolerance off, at least to the next number: tries the comparison itself."""
    if _is_text(flat):
        return None
    at = _chosen(flat)
    at = 0 if at is None else at
    made = flat.copy()
    if flat.dtype.kind == "f":
        value = float(flat[at])
        if not math.isfinite(value):
            return None
        spacing = abs(float(np.spacing(flat[at])))
        allowed = max(tolerance.atol + tolerance.rtol * abs(value), spacing * (tolerance.ulps or 0))
        with np.errstate(over="ignore"):
            moved_to = flat.dtype.type(value + math.copysign(max(10 * allowed, 2 * spacing), value))
        made[at] = moved_to
        return made if np.isfinite(moved_to) else None
    step_of_integers = max(1, int(10 * tolerance.atol))
    limits = np.iinfo(flat.dtype.str)
    value_of_integer = int(flat[at])
    for moved in (value_of_integer + step_of_integers, value_of_integer - step_of_integers):
        if limits.min <= moved <= limits.max:
            made[at] = moved
            return made
    return None


def _half(flat: _Flat) -> int:
    return (flat.size + 1) // 2


_MAKERS: Mapping[str, _Maker] = {
    ZEROS: lambda flat, _: _filled(flat, 0, _zero(flat)),
    "constant": _constant,
    "poison": lambda flat, _: None if _is_text(flat) else _filled(flat, 0, _poison(flat)),
    "reversed": lambda flat, _: flat[::-1] if _several(flat) else None,
    "permuted": _permuted,
    "half-zero": lambda flat, _: _filled(flat, _half(flat), _zero(flat)) if _several(flat) else None,
    "half-poison": lambda flat, _: (
        _filled(flat, _half(flat), _poison(flat)) if _several(flat) and not _is_text(flat) else None
    ),
    "first-only": lambda flat, _: _filled(flat, 1, _zero(flat)) if _several(flat) else None,
    LOW_PRECISION: _low_precision,
    "sign-flip": _sign_flipped,
    "off-by-ten": _off_by_ten,
}

ALWAYS_TRIED = tuple(_MAKERS)
"""Names of the null candidates that need nothing but the right output."""
