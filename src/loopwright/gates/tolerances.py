"""How exact outputs have to be, from evidence: how far correct arithmetic in another order takes them.

Pure functions of arrays. The rule, for each output:

1. The original is run in other ways that are as right as the first: other optimisation, with and without
   fused multiply-adds, another compiler, sums reassociated, inputs off by a unit or two in the last place (a
   backward stable computation is exact for such inputs: Higham, Accuracy and Stability of Numerical
   Algorithms, 2nd ed., sections 1.5 and 4.2). The spread is what an honest candidate may do too.
2. `rtol` covers the spread of numbers that are not small (at least the median size), `atol` what is left:
   sums that nearly cancel have no relative accuracy.
3. Both times :data:`SAFETY`, since a handful of ways does not show the widest spread; `rtol` is at least
   :data:`LEAST_EPSILONS` epsilons, and at least what the digits printed can tell. Rounded up to one digit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain

import numpy as np
import numpy.typing as npt

from loopwright.core.task import Tolerance
from loopwright.gates.compare import AnyArray

SAFETY = 10.0
LEAST_EPSILONS = 100.0
LOOSE = 1e4
"""A tolerance that allows this much more than the proposed one is told to be loose."""

_MOST_DIGITS = 15
"""From here on the digits of a printed number tell all of a double."""
_MOST_NUMBERS = 2000


@dataclass(frozen=True)
class Variation:
    """The outputs of one case, computed in another way: `how` in words, as in "-O3 -march=native"."""

    how: str
    case: str
    outputs: Mapping[str, AnyArray]
    proves: bool = True
    """Whether a candidate has the right to do the same: not so where the task forbids reassociation."""


@dataclass(frozen=True)
class Evidence:
    """Outputs of the original by case, and what other ways gave; `skipped` ways with the reason."""

    expected: Mapping[str, Mapping[str, AnyArray]]
    variations: tuple[Variation, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ToleranceResult:
    """What the evidence says of one output.

    Attributes:
        stated: the tolerance of the task; `proposed`: the one that the evidence asks for.
        used: the largest share of the stated tolerance that any way used up; above 1 it is too tight.
        by: the way that used most. looser: how many times more the stated one allows, for a typical number.
        note: what the task's author should know, "" for nothing.
    """

    output: str
    stated: Tolerance
    proposed: Tolerance
    used: float
    by: str
    looser: float
    note: str = ""


def judge_output(
    output: str, stated: Tolerance, evidence: Evidence, *, printed: bool = False
) -> ToleranceResult | None:
    """Hold the stated tolerance of one output against the evidence; None for what is no floating point, or
    was computed in one way only. `printed` numbers (stdout) have no more digits than were printed.
    """
    pairs = list(_pairs(output, evidence))
    if not pairs:
        return None
    proposed = propose([(reference, actual) for reference, actual, _ in pairs], printed=printed)
    used, by = 0.0, ""
    for reference, actual, how in pairs:
        share = _used(reference, actual, stated)
        if share > used or not by:
            used, by = share, how
    looser = min(_ratio(reference, stated, proposed) for reference, _, _ in pairs)
    result = ToleranceResult(output, stated, proposed, used, by, looser)
    return ToleranceResult(output, stated, proposed, used, by, looser, _note(result))


def propose(pairs: Sequence[tuple[AnyArray, AnyArray]], *, printed: bool = False) -> Tolerance:
    """The tolerance of the rule above for (reference, other result) pairs of one output."""
    rtol = 0.0
    epsilon = float(np.finfo(pairs[0][0].dtype.str).eps)
    for reference, actual in pairs:
        size, error = _sizes(reference, actual)
        large = size >= np.median(size[size > 0]) if np.any(size > 0) else np.zeros(size.shape, dtype=bool)
        if np.any(large):
            rtol = max(rtol, float(np.max(error[large] / size[large])))
    rtol = max(SAFETY * rtol, LEAST_EPSILONS * epsilon)
    atol = 0.0
    for reference, actual in pairs:
        size, error = _sizes(reference, actual)
        atol = max(atol, SAFETY * float(np.max(error - rtol / SAFETY * size, initial=0.0)))
    if printed:
        digits, places = _printed([reference for reference, _ in pairs])
        # Whole numbers are counts as a rule, and right or wrong.
        if places > 0 and digits < _MOST_DIGITS:
            rtol, atol = max(rtol, 10.0 ** (1 - digits)), max(atol, 10.0**-places)
    return Tolerance(_rounded_up(rtol), _rounded_up(atol))


def in_words(tolerance: Tolerance) -> str:
    """As in a task file: "rtol = 2e-13, atol = 1e-15"."""
    ulps = f", ulps = {tolerance.ulps}" if tolerance.ulps is not None else ""
    return f"rtol = {tolerance.rtol:g}, atol = {tolerance.atol:g}{ulps}"


def _note(result: ToleranceResult) -> str:
    proposed = in_words(result.proposed)
    if result.used > 1:
        return (
            f"{result.output}: tighter than the evidence: {result.by} is {result.used:.2g} times the "
            f"tolerance away from the original, so honest candidates would fail; {proposed} would do"
        )
    if result.looser >= LOOSE:
        return (
            f"{result.output}: looser than needed by {math.floor(math.log10(result.looser))} orders of "
            f"magnitude: {in_words(result.stated)}; the spread of correct arithmetic asks for {proposed}"
        )
    return ""


def _pairs(output: str, evidence: Evidence) -> list[tuple[AnyArray, AnyArray, str]]:
    found = []
    for variation in evidence.variations:
        reference = evidence.expected[variation.case].get(output)
        actual = variation.outputs.get(output)
        if reference is None or reference.dtype.kind != "f" or not reference.size or not variation.proves:
            continue
        if actual is not None and actual.shape == reference.shape and actual.dtype == reference.dtype:
            found.append((reference, actual, f"{variation.how} (case {variation.case})"))
    return found


def _sizes(reference: AnyArray, actual: AnyArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Absolute sizes and errors of the elements that are finite in both."""
    a, b = np.ravel(actual).astype(np.float64), np.ravel(reference).astype(np.float64)
    usable = np.isfinite(a) & np.isfinite(b)
    return np.abs(b[usable]), np.abs(a[usable] - b[usable])


def _used(reference: AnyArray, actual: AnyArray, tolerance: Tolerance) -> float:
    """The largest share of the tolerance that an element uses; infinite where one is allowed nothing."""
    size, error = _sizes(reference, actual)
    allowed = tolerance.atol + tolerance.rtol * size
    if tolerance.ulps is not None:
        spacing = np.abs(np.spacing(size.astype(reference.dtype))).astype(np.float64)
        allowed = np.maximum(allowed, tolerance.ulps * spacing)
    off = error > 0
    if not np.any(off):
        return 0.0
    with np.errstate(divide="ignore"):
        return float(np.max(error[off] / allowed[off]))


def _ratio(reference: AnyArray, stated: Tolerance, proposed: Tolerance) -> float:
    """How many times more the stated tolerance allows than the proposed one, for the median element."""
    size, _ = _sizes(reference, reference)
    allowed = stated.atol + stated.rtol * size
    if stated.ulps is not None:
        spacing = np.abs(np.spacing(size.astype(reference.dtype))).astype(np.float64)
        allowed = np.maximum(allowed, stated.ulps * spacing)
    wanted = proposed.atol + proposed.rtol * size
    usable = wanted > 0
    return float(np.median(allowed[usable] / wanted[usable])) if np.any(usable) else 1.0


def _printed(numbers: Sequence[AnyArray]) -> tuple[int, int]:
    """(significant digits, decimal places) that a program printed at most, from the numbers themselves."""
    digits, places = 1, 0
    for value in chain.from_iterable(np.ravel(each)[:_MOST_NUMBERS].astype(np.float64) for each in numbers):
        if not np.isfinite(value) or value == 0:
            continue
        _, figures, exponent = Decimal(repr(float(value))).normalize().as_tuple()
        assert isinstance(exponent, int)
        digits, places = max(digits, len(figures)), max(places, -exponent)
    return digits, places


def _rounded_up(value: float) -> float:
    """The smallest number of one digit that is not below `value`."""
    if value <= 0 or not math.isfinite(value):
        return 0.0
    power = math.floor(math.log10(value))
    first = value / 10.0**power
    return float(f"{math.ceil(first - 1e-9):d}e{power:d}")
