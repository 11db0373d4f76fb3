"""Null candidates: outputs of programs that did not do the work, made from the expected outputs.

A task is fit to be optimised when its cases and tolerances reject every one of them. Pure functions of
arrays: nothing is built and nothing is run here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from loopwright.core.task import Case, Task, Tolerance
from loopwright.gates.compare import AnyArray, first_mismatch, tolerance_of
from loopwright.gates.null_makers import LOWER, nulls_of

LARGE = 1_000_000
"""Elements of an output beyond which a null candidate that was caught already is not tried again."""
UNTOUCHED = "untouched"

_TEXT_BETWEEN_NUMBERS = "stdout text"
_ROUNDING = 1024
"""Two outputs this many epsilons of their largest element apart are one output with other rounding."""
_Flat = npt.NDArray[np.generic]


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
    """Try every null candidate on every output and every case, small cases first. On outputs beyond
    :data:`LARGE` elements only those are tried that no smaller case has caught.
    """
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
        caught = frozenset(name for name, result in open_nulls.items() if result.caught)
        done = caught if reference.size > LARGE else frozenset[str]()
        for name, changed in _candidates(known, cases, case, output, told, tolerance, task, done):
            null = np.ravel(reference).copy()
            null[~told] = changed
            shaped = null.reshape(reference.shape)
            mismatch = first_mismatch(task, {output: reference}, {output: shaped})
            before = open_nulls.get(name) or NullResult(name, output, case.name, False, "")
            let_through, same_in, proposal = before.let_through, before.same_in, before.proposal
            if mismatch is not None:
                by = (before.case, before.by) if before.caught else (case.name, mismatch.message)
                open_nulls[name] = NullResult(
                    name, output, by[0], True, by[1], let_through, same_in, proposal
                )
                continue
            if is_same(core, changed):
                same_in += (case.name,)
            else:
                let_through += (case.name,)
                # The largest case comes last, and says most about the sizes of numbers.
                proposal = stricter(core, changed, tolerance) or proposal
            if before.caught:
                shown, why = before.case, before.by
            else:
                shown = (let_through or same_in)[0]
                why = _allowed(tolerance) if let_through else "same as the output"
            open_nulls[name] = NullResult(
                name, output, shown, before.caught, why, let_through, same_in, proposal
            )
    return list(open_nulls.values())


def _candidates(
    known: Known,
    cases: list[Case],
    case: Case,
    output: str,
    told: npt.NDArray[np.bool_],
    tolerance: Tolerance,
    task: Task,
    done: frozenset[str],
) -> Iterator[tuple[str, _Flat]]:
    """Every null candidate but those in `done` for one output of one case, without the numbers `told`."""
    core = np.ravel(known.expected[case.name][output])[~told]
    if not core.size:
        return
    yield from nulls_of(core, tolerance, done)
    if "stale-case" not in done and (stale := _stale(known, cases, case, output, task)) is not None:
        yield "stale-case", np.resize(stale, core.shape)
    reference = known.expected[case.name][output]
    other = known.other_seed.get(case.name, {}).get(output)
    if other is not None and "stale-seed" not in done and other.shape == reference.shape:
        yield "stale-seed", np.ravel(other)
    for name, array in known.inputs.get(case.name, {}).items():
        if array.shape == reference.shape and array.dtype == reference.dtype:
            title = UNTOUCHED if name == output else f"copied-input {name}"
            if title not in done:
                yield title, np.ravel(array)[~told]


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


def accepts_low_precision(task: Task, output: str, dtype: np.dtype[np.generic]) -> str:
    """The warning for an output whose relative tolerance is plainly looser than the next lower precision;
    "" when it is not.
    """
    lower = LOWER.get(dtype.itemsize)
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
