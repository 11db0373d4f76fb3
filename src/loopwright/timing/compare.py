"""Paired sampling: two versions timed in turn until the answer is good enough.

Each case of a round is run A B B A at once, so that the four samples lie as close in time as can be, and
every second round is mirrored to B A A B: whatever favours the outer or the inner places (a cache left cold
by what happens between rounds, a curved drift) then favours either side in turn. Mirroring also turns every
second correlation that autocorrelated noise leaves between neighbouring halves of rounds from positive to
negative, so that they nearly cancel. Georges, Buytaert and Eeckhout (OOPSLA 2007) and Kalibera and Jones
(ISMM 2013) say why whole executions, and intervals over them, are the thing to compare.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from loopwright.core.timing import Comparison, Round, Sample, Speedup
from loopwright.core.verdict import Failure
from loopwright.timing.estimate import estimate
from loopwright.timing.policy import OVERRUN, Policy

Sampler = Callable[[str], Sample]
"""Runs the case of that name once. Raises :class:`SampleFailed` when there is no time to give."""


class SampleFailed(Exception):
    """An execution that was to be timed failed: carries the failure, which is a value for the workbench."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class _OutOfTime(Exception):
    """The budget is overrun by far in the middle of a round."""


def compare(
    a: Sampler,
    b: Sampler,
    cases: Sequence[str],
    policy: Policy,
    *,
    label_a: str = "a",
    label_b: str = "b",
    clock: Callable[[], float] = time.monotonic,
    on_round: Callable[[Speedup], None] | None = None,
) -> Comparison:
    """Time `b` against `a` over `cases` until `policy` is satisfied.

    Args:
        a, b: run one case once.
        cases: names, at least one, none twice.
        policy: when to stop.
        label_a, label_b: names of the two versions, for the result.
        clock: seconds, monotonic; only the budget uses it.
        on_round: called after each round with the speedup so far, for a progress display. Its interval is
            for the eye: only the one in the result is valid under stopping.

    Returns:
        All complete rounds, in order (rounds of odd index ran B A A B), and the speedup. `stopped` is
        "precise", "decided", "budget" or "rounds".

    Raises:
        ValueError: for no case, a case given twice, or a sample whose time is not positive and finite.
        Exception: whatever a sampler raises, untouched.
    """
    if not cases or len(set(cases)) != len(cases):
        raise ValueError(f"cases must be given, and each once: {list(cases)}")
    start = clock()
    rounds: list[Round] = []
    spans: list[float] = []

    def check() -> None:
        if rounds and clock() - start > OVERRUN * policy.budget_s:
            raise _OutOfTime

    for case in cases:
        for _ in range(policy.warmup):
            a(case)
            b(case)
    while not (stopped := _stop_before_next(policy, rounds, spans, clock() - start)):
        begun = clock()
        try:
            rounds.append(_round(a, b, cases, mirrored=len(rounds) % 2 == 1, check=check))
        except _OutOfTime:
            stopped = "budget"
            break
        spans.append(clock() - begun)
        if on_round is not None:
            on_round(estimate(rounds, confidence=policy.confidence))
    return Comparison(label_a, label_b, tuple(rounds), conclude(rounds, policy, stopped))


def conclude(rounds: Sequence[Round], policy: Policy, stopped: str) -> Speedup:
    """The speedup of recorded rounds whose sampling ended for the reason `stopped`, as `compare` gives it."""
    looks = policy.looks
    at_look = stopped in ("precise", "decided") and len(rounds) in looks.early
    error = looks.at_early_look(len(rounds)) if at_look else looks.at_end(len(rounds))
    return estimate(rounds, confidence=policy.confidence, error=error, stopped=stopped)


def _round(
    a: Sampler, b: Sampler, cases: Sequence[str], *, mirrored: bool, check: Callable[[], None]
) -> Round:
    samples_a: dict[str, tuple[Sample, Sample]] = {}
    samples_b: dict[str, tuple[Sample, Sample]] = {}
    outer, inner = (b, a) if mirrored else (a, b)
    outer_samples, inner_samples = (samples_b, samples_a) if mirrored else (samples_a, samples_b)
    for case in cases:
        taken: list[Sample] = []
        for side in (outer, inner, inner, outer):
            check()
            taken.append(side(case))
        outer_samples[case] = (taken[0], taken[3])
        inner_samples[case] = (taken[1], taken[2])
    return Round(samples_a, samples_b)


def _stop_before_next(
    policy: Policy, rounds: Sequence[Round], spans: Sequence[float], elapsed_s: float
) -> str:
    """Why no further round is made, "" to make one."""
    count = len(rounds)
    if count == 0:
        return ""
    if count >= policy.max_rounds:
        return "rounds"
    if error := policy.looks.at_early_look(count):
        reason = policy.verdict(estimate(rounds, confidence=policy.confidence, error=error))
        if reason:
            return reason
    if _is_hopeless(policy, rounds):
        return "decided"
    allowed = OVERRUN if count < max(policy.min_rounds, policy.looks.fewest_rounds) else 1.0
    return "budget" if elapsed_s + statistics.median(spans) > allowed * policy.budget_s else ""


def _is_hopeless(policy: Policy, rounds: Sequence[Round]) -> bool:
    """Whether every round so far shows `b` far slower, while the rounds are too few for any interval.

    Only then, so that the interval reported after this stop is (0, inf) and its coverage is not touched.
    """
    if policy.decide_at is None or policy.hopeless is None:
        return False
    if not 2 <= len(rounds) < policy.looks.fewest_rounds:
        return False
    return all(estimate([each]).estimate * policy.hopeless < 1 for each in rounds)
