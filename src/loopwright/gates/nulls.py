"""Null candidates: outputs of programs that did not do the work, made from the expected outputs.

A task is fit to be optimised when its cases and tolerances reject every one of them. Pure functions of
arrays: nothing is built and nothing is run here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from loopwright.core.task import Case, Task, Tolerance
from loopwright.gates.compare import AnyArray, first_mismatch, tolerance_of

LOW_PRECISION = "low-precision"
ZEROS = "zeros"

_TEXT_BETWEEN_NUMBERS = "stdout text"
_ROUNDING = 1024
"""Two outputs this many epsilons of their largest element apart are one output with other rounding."""
_LOWER = {8: ("f4", "single"), 4: ("f2", "half")}
"""Bytes of a float to the type below it, and what people call that."""
_Flat = npt.NDArray[np.generic]
_Maker = Callable[[_Flat, Tolerance], "_Flat | None"]


@dataclass(frozen=True)
class NullResult:
    """What became of one null candidate, over the cases it was tried on.

    Attributes:
        name: which null candidate; `output`: the output that it replaced.
        case: the case that caught it, else the first that let it through, else the first it equals.
        by: what the comparison said; for one that is not caught, why.
        let_through: cases whose tolerance accepted it; `same_in`: cases where it is the right answer.
        proposal: the key to change so that it is caught; empty where that is not the tolerance.
    """

    name: str
    output: str
    case: str
    caught: bool
    by: str
    let_through: tuple[str, ...] = ()
    same_in: tuple[str, ...] = ()
    proposal: str = ""

    @property
    def passed(self) -> bool:
        """Whether a wrong output was accepted wherever it was tried."""
        return not self.caught and bool(self.let_through)

    @property
    def same(self) -> bool:
        """Whether it is no null candidate at all: the right answer wherever it was tried."""
        return not self.caught and not self.let_through


@dataclass(frozen=True)
class Known:
    """What is known of the original: outputs by case; for kernel tasks also its inputs, and its outputs with
    another seed, as far as somebody ran it for that.
    """

    expected: Mapping[str, Mapping[str, AnyArray]]
    other_seed: Mapping[str, Mapping[str, AnyArray]] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, AnyArray]] = field(default_factory=dict)


def judge_nulls(task: Task, known: Known) -> tuple[NullResult, ...]:
    """Try every null candidate on every output, small cases first, until a case catches it."""
    cases = sorted(
        (case for case in task.cases if case.name in known.expected),
        key=lambda case: sum(array.size for array in known.expected[case.name].values()),
    )
    outputs = dict.fromkeys(name for case in cases for name in known.expected[case.name])
    results: list[NullResult] = []
    for output in outputs:
        if output != _TEXT_BETWEEN_NUMBERS:
            results += _judge_output(task, known, cases, output)
    return tuple(results)


def nulls_of(reference: AnyArray, tolerance: Tolerance) -> Iterator[tuple[str, AnyArray]]:
    """(name, array) of every null candidate that needs nothing but the right output. Some do not apply:
    one number cannot be permuted, an integer has no lower precision.
    """
    flat = np.ravel(reference)
    for name, make in _MAKERS.items():
        if flat.size and (made := make(flat, tolerance)) is not None:
            yield name, made.reshape(reference.shape)


def is_same(reference: AnyArray, null: AnyArray) -> bool:
    """Whether `null` is `reference`, rounding aside."""
    if reference.dtype.kind != "f":
        return bool(np.all(reference == null))
    a, b = null.astype(np.float64), reference.astype(np.float64)
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    largest = float(np.max(np.abs(b[finite]), initial=0.0))
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(a[finite] - b[finite])
    return bool(np.all(error <= _ROUNDING * float(np.finfo(reference.dtype.str).eps) * largest))


def stricter(reference: AnyArray, null: AnyArray, tolerance: Tolerance) -> str:
    """The loosest tolerance, to one digit, that rejects `null`, as text of a task file; "" without one."""
    if reference.dtype == object:
        return ""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        a, b = null.astype(np.float64), reference.astype(np.float64)
        error, size = np.abs(a - b), np.abs(b)
        by_atol = float(np.nanmax(error - tolerance.rtol * size, initial=0.0))
        by_rtol = float(np.nanmax(np.where(size > 0, error / size, 0.0), initial=0.0))
    ulps = "" if tolerance.ulps is None else "no ulps, "
    if by_atol > 0 and tolerance.atol > 0:
        if reference.dtype.kind != "f" and by_atol <= 1:
            return "no atol"
        return f"{ulps}atol = {_below(by_atol):g} or less"
    if by_rtol > 0:
        atol = "atol = 0 and " if tolerance.atol > 0 else ""
        return f"{ulps}{atol}rtol = {_below(by_rtol):g} or less"
    return ulps.rstrip(", ")


def _judge_output(task: Task, known: Known, cases: list[Case], output: str) -> list[NullResult]:
    tolerance = tolerance_of(task, output)
    open_nulls: dict[str, NullResult] = {}
    for case in cases:
        reference = known.expected[case.name].get(output)
        if reference is None:
            continue
        told = _told(task, case, output, reference)
        core = np.ravel(reference)[~told]
        done = frozenset(name for name, result in open_nulls.items() if result.caught)
        for name, changed in _candidates(known, cases, case, output, core, tolerance, task):
            if name in done:
                continue
            null = np.ravel(reference).copy()
            null[~told] = changed
            shaped = null.reshape(reference.shape)
            mismatch = first_mismatch(task, {output: reference}, {output: shaped})
            before = open_nulls.get(name) or NullResult(name, output, case.name, False, "")
            let_through, same_in, proposal = before.let_through, before.same_in, before.proposal
            if mismatch is not None:
                open_nulls[name] = NullResult(
                    name, output, case.name, True, mismatch.message, let_through, same_in
                )
                continue
            if is_same(core, changed):
                same_in += (case.name,)
            else:
                let_through += (case.name,)
                # The largest case comes last, and says most about the sizes of numbers.
                proposal = stricter(core, changed, tolerance) or proposal
            shown = let_through or same_in
            by = _allowed(tolerance) if let_through else "same as the output"
            open_nulls[name] = NullResult(name, output, shown[0], False, by, let_through, same_in, proposal)
    return list(open_nulls.values())


def _candidates(
    known: Known, cases: list[Case], case: Case, output: str, core: _Flat, tolerance: Tolerance, task: Task
) -> Iterator[tuple[str, _Flat]]:
    """Every null candidate for one output of one case."""
    if not core.size:
        return
    yield from nulls_of(core, tolerance)
    if (stale := _stale(known, cases, case, output, task)) is not None:
        yield "stale-case", np.resize(stale, core.shape)
    reference = known.expected[case.name][output]
    other = known.other_seed.get(case.name, {}).get(output)
    if other is not None and other.shape == reference.shape:
        yield "stale-seed", np.ravel(other)
    for name, array in known.inputs.get(case.name, {}).items():
        if array.shape == reference.shape and array.dtype == reference.dtype:
            yield f"copied-input {name}", np.ravel(array)


def _stale(known: Known, cases: list[Case], case: Case, output: str, task: Task) -> _Flat | None:
    """What another case left behind: one of the same shape if there is one."""
    reference = known.expected[case.name][output]
    others: list[_Flat] = []
    for other in cases:
        array = known.expected[other.name].get(output)
        if other.name == case.name or array is None or not array.size:
            continue
        core = np.ravel(array)[~_told(task, other, output, array)]
        if core.size:
            others.insert(0 if array.shape == reference.shape else len(others), core)
    return others[0] if others else None


def _told(task: Task, case: Case, output: str, reference: AnyArray) -> npt.NDArray[np.bool_]:
    """Which numbers of stdout merely repeat an argument: every null program can print those."""
    flat = np.ravel(reference)
    if task.kernel is not None or output != "stdout" or reference.dtype == object:
        return np.zeros(flat.shape, dtype=np.bool_)
    given = [float(number) for number in case.params.values()]
    for word in case.args:
        try:
            given.append(float(word))
        except ValueError:
            continue
    # A program that prints nothing else is judged by what it prints.
    told = np.isin(flat, np.array([g for g in given if g != 0.0]))
    return np.zeros(flat.shape, dtype=np.bool_) if bool(np.all(told)) else told


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
    lower = _LOWER.get(flat.dtype.itemsize)
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


def accepts_low_precision(task: Task, output: str, dtype: np.dtype[np.generic]) -> str:
    """The warning for an output whose relative tolerance is plainly looser than the next lower precision;
    "" when it is not.
    """
    lower = _LOWER.get(dtype.itemsize)
    tolerance = tolerance_of(task, output)
    if dtype.kind != "f" or lower is None or tolerance.rtol < float(np.finfo(lower[0]).eps):
        return ""
    return f"{output}: rtol {tolerance.rtol:g} accepts {lower[1]} precision"


def _allowed(tolerance: Tolerance) -> str:
    ulps = f", {tolerance.ulps} ulps" if tolerance.ulps is not None else ""
    return f"within rtol {tolerance.rtol:g}, atol {tolerance.atol:g}{ulps}"


def _below(value: float) -> float:
    """The largest number of one digit that is plainly below `value`."""
    if not math.isfinite(value):
        return 1.0
    value *= 0.999
    power = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.floor(value / power) * power:.0e}")
