"""Comparing two sets of outputs element by element. Pure functions of arrays.

The rule is that of :class:`loopwright.core.task.Tolerance`: |a - b| <= atol + rtol * |b| with b the
reference, or at most `ulps` units in the last place apart; NaN matches only NaN, an infinity only itself,
and the poison of a kernel's driver only itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loopwright.core.task import Task, Tolerance
from loopwright.tasks.driver_result import is_poison

AnyArray = npt.NDArray[np.generic]

_PIECE = 1 << 15
"""Elements that are compared at a time: what is worked out for them stays in the cache."""


@dataclass(frozen=True)
class Mismatch:
    """How one output differs. The text never quotes the expected value."""

    output: str
    wrong: int
    total: int
    worst_index: tuple[int, ...] | None
    message: str


def tolerance_of(task: Task, output: str) -> Tolerance:
    """The tolerance for one output: its own where the task gives one, else the task's."""
    for spec in task.output.files:
        if spec.path == output and spec.tolerance is not None:
            return spec.tolerance
    if task.kernel is not None:
        for argument in task.kernel.arguments:
            if argument.name == output and argument.tolerance is not None:
                return argument.tolerance
    return task.output.tolerance


def first_mismatch(
    task: Task, expected: Mapping[str, AnyArray], actual: Mapping[str, AnyArray]
) -> Mismatch | None:
    """The first output that differs by more than the task allows, None when all agree."""
    for name, reference in expected.items():
        if name not in actual:
            return Mismatch(name, 0, 0, None, f"{name} is missing")
        if (mismatch := compare(name, reference, actual[name], tolerance_of(task, name))) is not None:
            return mismatch
    return None


def compare(name: str, reference: AnyArray, actual: AnyArray, tolerance: Tolerance) -> Mismatch | None:
    """Compare one output; None when every element agrees."""
    if reference.shape != actual.shape:
        message = f"{name} has shape {_shape(actual)}, expected {_shape(reference)}"
        return Mismatch(name, 0, reference.size, None, message)
    if reference.dtype != actual.dtype:
        message = f"{name} is {actual.dtype}, expected {reference.dtype}"
        return Mismatch(name, 0, reference.size, None, message)
    if reference.dtype == object:
        return _compare_text(name, reference, actual)
    if all(bool(np.all(matches(r, a, tolerance))) for r, a in _pieces(reference, actual)):
        return None
    good = matches(reference, actual, tolerance)
    return _numeric_mismatch(name, reference, actual, good, tolerance)


def matches(reference: AnyArray, actual: AnyArray, tolerance: Tolerance) -> npt.NDArray[np.bool_]:
    """Element by element, whether `actual` counts as equal to `reference` (same shape and dtype)."""
    same = np.asarray(reference == actual)
    if bool(same.all()):
        return same
    if reference.dtype.kind != "f":
        if tolerance.atol >= 1:
            high, low = np.maximum(reference, actual), np.minimum(reference, actual)
            # Unsigned subtraction of the smaller from the larger cannot overflow.
            distance = high.astype(np.uint64) - low.astype(np.uint64)
            same |= distance <= np.uint64(min(tolerance.atol, 2.0**63))
        return same
    with np.errstate(invalid="ignore"):  # poison is a signalling NaN
        a, b = actual.astype(np.float64), reference.astype(np.float64)
    # An element that was never written is no result, even where the right one is NaN.
    both_nan = np.isnan(a) & np.isnan(b) & (is_poison(actual) == is_poison(reference))
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(a - b) <= tolerance.atol + tolerance.rtol * np.abs(b)
    good = same | both_nan | (finite & near)
    if tolerance.ulps is not None:
        good |= finite & (ulp_distance(reference, actual) <= tolerance.ulps)
    return np.asarray(good)


def _pieces(reference: AnyArray, actual: AnyArray) -> Iterator[tuple[AnyArray, AnyArray]]:
    a, b = np.ravel(reference), np.ravel(actual)
    return ((a[at : at + _PIECE], b[at : at + _PIECE]) for at in range(0, a.size, _PIECE))


def ulp_distance(reference: AnyArray, actual: AnyArray) -> npt.NDArray[np.uint64]:
    """How many representable numbers lie between two floats of one dtype (0: the same, or +0 and -0).

    The bits of an IEEE 754 number, read as sign and magnitude, are ordered like the numbers.
    """
    bits = reference.dtype.itemsize * 8
    as_int = np.dtype(f"<i{bits // 8}")

    def ordered(values: AnyArray) -> npt.NDArray[np.int64]:
        raw = np.ascontiguousarray(values).view(as_int).astype(np.int64)
        least = np.int64(-(2 ** (bits - 1)))
        return np.where(raw < 0, least - raw, raw)

    a, b = ordered(reference), ordered(actual)
    high, low = np.maximum(a, b), np.minimum(a, b)
    return high.view(np.uint64) - low.view(np.uint64)


def _compare_text(name: str, reference: AnyArray, actual: AnyArray) -> Mismatch | None:
    wrong = [i for i, (a, b) in enumerate(zip(reference, actual, strict=True)) if a != b]
    if not wrong:
        return None
    message = f"{name}: {len(wrong)} of {reference.size} lines differ, the first is line {wrong[0] + 1}"
    return Mismatch(name, len(wrong), reference.size, (wrong[0],), message)


def _numeric_mismatch(
    name: str,
    reference: AnyArray,
    actual: AnyArray,
    good: npt.NDArray[np.bool_],
    tolerance: Tolerance,
) -> Mismatch:
    wrong = int(np.count_nonzero(~good))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        a, b = actual.astype(np.float64), reference.astype(np.float64)
        error = np.where(good, -1.0, np.nan_to_num(np.abs(a - b), nan=np.inf, posinf=np.inf))
        worst = int(np.argmax(error))
        relative = np.ravel(error)[worst] / np.abs(np.ravel(b)[worst])
    index = tuple(int(i) for i in np.unravel_index(worst, reference.shape))
    where = "[" + "][".join(map(str, index)) + "]" if index else ""
    value = np.ravel(actual)[worst]
    size = f"relative error {relative:.3g}" if np.isfinite(relative) else f"value {value}"
    allowed = f"rtol {tolerance.rtol:g}, atol {tolerance.atol:g}"
    if tolerance.ulps is not None:
        allowed += f", {tolerance.ulps} ulps"
    message = f"{name}: {wrong} of {reference.size} elements differ, worst {name}{where}: {size} ({allowed})"
    return Mismatch(name, wrong, reference.size, index, message)


def _shape(array: AnyArray) -> str:
    return "x".join(map(str, array.shape)) or "scalar"
