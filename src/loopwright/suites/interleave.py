"""Several versions of one program timed in one session, so that any two of them can be compared.

A round runs all versions once in a row and once more in the opposite order: A B C C B A. For any two of them
that is the A B B A of :mod:`loopwright.timing.compare`, with others in between: a linear drift moves the two
halves of a round by the same amount in opposite directions. Every second round starts with the last version,
which mirrors the pattern as there. So the rounds of any pair go through the estimator of the timing room
unchanged, and k versions cost 2 k executions a round instead of the 4 (k - 1) of one pairing after another.

The number of rounds is fixed beforehand, or cut short by time alone and never by what the recorded times say:
the intervals need no correction for looking early. A version that is far slower than the first one, as its
unrecorded run shows, takes part in the fewest rounds only: what it would cost in time, nobody needs to know
to the per cent.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from loopwright.core.timing import Round, Sample, Speedup
from loopwright.core.verdict import Failure
from loopwright.timing.compare import SampleFailed, Sampler
from loopwright.timing.estimate import estimate

FEWEST_ROUNDS = 3
"""Fewer support no 95 % interval (:attr:`loopwright.timing.looks.Looks.fewest_rounds`)."""
_OVERRUN = 2.0
_FAR_SLOWER = 4.0

Pair = tuple[Sample, Sample]


@dataclass(frozen=True)
class Plan:
    """How long to sample: at most `rounds`, as many as end within `budget_s` seconds, but at least
    :data:`FEWEST_ROUNDS` unless these would take :data:`_OVERRUN` budgets.
    """

    rounds: int = 6
    budget_s: float = 100.0

    def __post_init__(self) -> None:
        if self.rounds < 1 or not self.budget_s > 0:
            raise ValueError(f"nothing to sample: {self.rounds} rounds within {self.budget_s} s")


@dataclass(frozen=True)
class Sampled:
    """What came out. `rounds` maps each version to case to the two samples of each round, in order; a version
    that failed while it was timed is in `failures` instead.
    """

    rounds: Mapping[str, Mapping[str, Sequence[Pair]]]
    failures: Mapping[str, Failure] = field(default_factory=dict)
    stopped: str = "rounds"


def interleave(
    samplers: Mapping[str, Sampler],
    cases: Sequence[str],
    plan: Plan,
    *,
    clock: Callable[[], float] = time.monotonic,
    on_round: Callable[[int], None] = lambda number: None,
) -> Sampled:
    """Time all `samplers` over `cases`, the first being what others are measured by. Each runs every case
    once before, unrecorded.

    A version whose sampler raises :class:`SampleFailed` is left out from then on, with all it gave.
    """
    start = clock()
    alive = dict(samplers)
    failures: dict[str, Failure] = {}
    taken: dict[str, dict[str, list[Pair]]] = {name: {case: [] for case in cases} for name in samplers}
    first_s = dict.fromkeys(samplers, 0.0)
    for case in cases:
        for name, sample in _row(alive, list(alive), case, failures).items():
            first_s[name] += sample.wall_s
    limit_s = _FAR_SLOWER * first_s[next(iter(samplers))]
    spans: list[float] = []
    stopped = "rounds"
    while alive and len(spans) < plan.rounds:
        allowed = plan.budget_s * (_OVERRUN if len(spans) < FEWEST_ROUNDS else 1.0)
        if spans and clock() - start + statistics.median(spans) > allowed:
            stopped = "budget"
            break
        begun = clock()
        for case in cases:
            order = [name for name in alive if len(spans) < FEWEST_ROUNDS or first_s[name] <= limit_s]
            order = order if len(spans) % 2 == 0 else order[::-1]
            first = _row(alive, order, case, failures)
            second = _row(alive, order[::-1], case, failures)
            for name in first.keys() & second.keys():
                taken[name][case].append((first[name], second[name]))
        spans.append(clock() - begun)
        on_round(len(spans))
    return Sampled({name: taken[name] for name in alive}, failures, stopped)


def speedup_of(sampled: Sampled, version: str, over: str) -> Speedup:
    """How much faster `version` is than `over` (their times' ratio), with a 95 % interval.

    Raises:
        KeyError: for a version without samples.
    """
    a, b = sampled.rounds[over], sampled.rounds[version]
    count = min(len(pairs) for pairs in (*a.values(), *b.values()))
    rounds = [
        Round({case: a[case][number] for case in a}, {case: b[case][number] for case in b})
        for number in range(count)
    ]
    return estimate(rounds, stopped=sampled.stopped)


def median_wall_s(sampled: Sampled, version: str) -> float:
    """Median seconds of a version, summed over the cases."""
    return sum(
        statistics.median(sample.wall_s for pair in pairs for sample in pair)
        for pairs in sampled.rounds[version].values()
    )


def _row(
    alive: dict[str, Sampler], order: Sequence[str], case: str, failures: dict[str, Failure]
) -> dict[str, Sample]:
    """One sample of each version in `order`; one that fails is taken out of `alive`."""
    row: dict[str, Sample] = {}
    for name in order:
        if name not in alive:
            continue
        try:
            row[name] = alive[name](case)
        except SampleFailed as failed:
            failures[name] = failed.failure
            del alive[name]
    return row
