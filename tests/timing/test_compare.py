"""Paired sampling with a clock and samplers of the test's own: order, stopping, failures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from loopwright.core.machine import Noise
from loopwright.core.modes import FailureMode
from loopwright.core.timing import Sample, Speedup
from loopwright.core.verdict import Failure
from loopwright.timing.compare import SampleFailed, Sampler, compare, conclude
from loopwright.timing.estimate import estimate
from loopwright.timing.policy import Policy
from loopwright.timing.promotion import is_promoted


class Bench:
    """A simulated machine: executions take their time on a clock that nothing else moves."""

    def __init__(self, noise: Callable[[], float] = lambda: 1.0) -> None:
        self.now = 0.0
        self.log: list[str] = []
        self.noise = noise

    def clock(self) -> float:
        return self.now

    def version(self, name: str, wall_s: float) -> Sampler:
        def sampler(case: str) -> Sample:
            taken = wall_s * self.noise()
            self.now += taken
            self.log.append(f"{name}:{case}" if case != "x" else name)
            return Sample(taken)

        return sampler


def lognormal(sigma: float, seed: int = 0) -> Callable[[], float]:
    rng = np.random.default_rng(seed)
    return lambda: float(rng.lognormal(0, sigma))


def test_rounds_are_abba_and_mirrored_in_turn() -> None:
    bench = Bench()
    policy = Policy(warmup=0, min_rounds=3, max_rounds=3, decide_at=None)
    result = compare(bench.version("A", 2.0), bench.version("B", 1.0), ["x"], policy, clock=bench.clock)
    assert "".join(bench.log) == "ABBA" + "BAAB" + "ABBA"
    assert all(s.wall_s == 2.0 for each in result.rounds for s in each.a["x"])
    assert all(s.wall_s == 1.0 for each in result.rounds for s in each.b["x"])


def test_each_case_of_a_round_is_run_at_once_and_warmup_is_not_recorded() -> None:
    bench = Bench()
    policy = Policy(warmup=2, min_rounds=1, max_rounds=1, decide_at=None)
    result = compare(
        bench.version("A", 1.0), bench.version("B", 1.0), ["s", "t"], policy,
        label_a="original", label_b="candidate", clock=bench.clock,
    )  # fmt: skip
    assert bench.log[:8] == ["A:s", "B:s", "A:s", "B:s", "A:t", "B:t", "A:t", "B:t"]
    assert bench.log[8:] == ["A:s", "B:s", "B:s", "A:s", "A:t", "B:t", "B:t", "A:t"]
    assert (result.a, result.b) == ("original", "candidate")
    assert len(result.rounds) == 1
    assert set(result.speedup.by_case) == {"s", "t"}


def test_samples_stay_in_order_and_on_their_side() -> None:
    numbers = iter(range(1, 100))

    def count(_: str) -> Sample:
        return Sample(float(next(numbers)))

    policy = Policy(warmup=0, min_rounds=2, max_rounds=2, decide_at=None, hopeless=None)
    first, second = compare(count, count, ["x"], policy).rounds
    assert [s.wall_s for s in (*first.a["x"], *first.b["x"])] == [1, 4, 2, 3]
    assert [s.wall_s for s in (*second.a["x"], *second.b["x"])] == [6, 7, 5, 8]


def run(bench: Bench, ratio: float, policy: Policy, wall_s: float = 1.0) -> Speedup:
    return compare(
        bench.version("A", ratio * wall_s), bench.version("B", wall_s), ["x"], policy, clock=bench.clock
    ).speedup


def test_stops_when_decided() -> None:
    for ratio in (1.5, 0.9):
        speedup = run(Bench(lognormal(0.01)), ratio, Policy(target_halfwidth=0.0, budget_s=1e9))
        assert (speedup.stopped, speedup.rounds) == ("decided", 4)
        assert not speedup.low <= 1 <= speedup.high


def test_decides_at_the_ratio_asked_for() -> None:
    policy = Policy(target_halfwidth=0.0, budget_s=1e9, decide_at=1.5, max_rounds=20)
    assert run(Bench(lognormal(0.01)), 1.5, policy).stopped == "rounds"
    assert run(Bench(lognormal(0.01)), 1.7, policy).stopped == "decided"
    assert run(Bench(lognormal(0.01)), 1.3, policy).stopped == "decided"


def test_stops_when_precise() -> None:
    policy = Policy(target_halfwidth=0.02, decide_at=None, budget_s=1e9)
    speedup = run(Bench(lognormal(0.03)), 1.5, policy)
    assert speedup.stopped == "precise"
    assert 4 <= speedup.rounds < policy.max_rounds
    assert speedup.high - speedup.estimate <= 0.02 * speedup.estimate
    assert speedup.estimate - speedup.low <= 0.02 * speedup.estimate


def test_does_not_stop_early_when_nothing_is_asked_for() -> None:
    policy = Policy(target_halfwidth=0.0, decide_at=None, budget_s=1e9, max_rounds=15)
    speedup = run(Bench(lognormal(0.01)), 0.1, policy)
    assert (speedup.stopped, speedup.rounds) == ("rounds", 15)


def test_stops_early_at_looks_only() -> None:
    """Decided from the third round on, but round 4 is the first look."""
    rounds = {
        run(Bench(lognormal(0.2, seed)), 1.3, Policy(target_halfwidth=0.0, budget_s=1e9)).rounds
        for seed in range(40)
    }
    assert rounds <= {4, 6, 9, 13, 19, 28, 42, 60}
    assert len(rounds) > 2


def test_budget_ends_between_rounds() -> None:
    """4 s a round and 2 s of warm-up: ten rounds end at 42 s, an eleventh would end at 46 s."""
    policy = Policy(budget_s=45.0, target_halfwidth=0.0, decide_at=None)
    bench = Bench()
    speedup = run(bench, 1.0, policy)
    assert (speedup.stopped, speedup.rounds, bench.now) == ("budget", 10, 42.0)


def test_budget_is_stretched_until_an_interval_is_possible() -> None:
    """Rounds of 4 s in a budget of 8 s: three of them, 14 s with the warm-up, are within two budgets."""
    bench = Bench()
    speedup = run(bench, 1.0, Policy(budget_s=8.0, target_halfwidth=0.0, decide_at=None))
    assert (speedup.stopped, speedup.rounds, bench.now) == ("budget", 3, 14.0)
    assert speedup.high < math.inf


def test_budget_is_stretched_until_no_single_execution_decides() -> None:
    """Rounds of 4 s in a budget of 12 s: the fourth, which `min_rounds` asks for, is within two budgets."""
    bench = Bench()
    speedup = run(bench, 1.0, Policy(budget_s=12.0, target_halfwidth=0.0, decide_at=None))
    assert (speedup.stopped, speedup.rounds, bench.now) == ("budget", 4, 18.0)


def test_one_round_is_made_whatever_the_budget() -> None:
    bench = Bench()
    speedup = run(bench, 2.0, Policy(budget_s=0.001))
    assert (speedup.stopped, speedup.rounds) == ("budget", 1)
    assert (speedup.low, speedup.high) == (0.0, math.inf)


def test_a_round_far_beyond_the_budget_is_given_up() -> None:
    """From the third round on every execution takes a minute."""
    bench = Bench()
    bench.noise = lambda: 1.0 if len(bench.log) < 10 else 60.0
    speedup = run(bench, 1.0, Policy(budget_s=20.0, target_halfwidth=0.0, decide_at=None))
    assert (speedup.stopped, speedup.rounds) == ("budget", 2)
    assert len(bench.log) == 11


def test_hopeless_is_given_up_after_two_rounds_and_claims_nothing() -> None:
    bench = Bench(lognormal(0.01))
    speedup = run(bench, 1 / 1.7, Policy(budget_s=1e9))
    assert (speedup.stopped, speedup.rounds) == ("decided", 2)
    assert (speedup.low, speedup.high) == (0.0, math.inf)
    assert not is_promoted(speedup, Noise(1.0, 10))
    assert run(Bench(lognormal(0.01)), 1 / 1.4, Policy(budget_s=1e9)).rounds == 4
    assert run(Bench(lognormal(0.01)), 1.7, Policy(budget_s=1e9)).rounds == 4
    assert run(Bench(lognormal(0.01)), 1 / 1.7, Policy(budget_s=1e9, hopeless=None)).rounds == 4


def test_one_slow_round_is_not_hopeless() -> None:
    """A spike hits both samples of B in the first round."""
    bench = Bench()
    bench.noise = lambda: 10.0 if len(bench.log) in (3, 4) else 1.0
    assert run(bench, 1.1, Policy(budget_s=1e9, target_halfwidth=0.0)).rounds > 2


def test_a_failed_sample_passes_through_untouched() -> None:
    failure = Failure(FailureMode.CRASH, "timing", "signal 11")
    bench = Bench()

    def crashes(_: str) -> Sample:
        if len(bench.log) > 3:
            raise SampleFailed(failure)
        return bench.version("B", 1.0)("x")

    with pytest.raises(SampleFailed) as caught:
        compare(bench.version("A", 1.0), crashes, ["x"], Policy(), clock=bench.clock)
    assert caught.value.failure is failure

    def interrupted(_: str) -> Sample:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(interrupted, interrupted, ["x"], Policy())


def test_progress_is_told_after_each_round() -> None:
    bench, seen = Bench(), []
    policy = Policy(warmup=0, min_rounds=5, max_rounds=5, decide_at=None)
    compare(
        bench.version("A", 3.0), bench.version("B", 1.0), ["x"], policy, clock=bench.clock,
        on_round=seen.append,
    )  # fmt: skip
    assert [speedup.rounds for speedup in seen] == [1, 2, 3, 4, 5]
    assert seen[-1].estimate == pytest.approx(3.0)


def test_the_reported_interval_can_be_had_again_from_the_rounds() -> None:
    for ratio, policy in (
        (1.2, Policy(budget_s=1e9)),
        (1.0, Policy(budget_s=1e9, max_rounds=20)),
        (1.0, Policy(budget_s=50.0)),
        (0.5, Policy(budget_s=1e9)),
    ):
        bench = Bench(lognormal(0.05, 3))
        result = compare(bench.version("A", ratio), bench.version("B", 1.0), ["x"], policy, clock=bench.clock)
        assert conclude(result.rounds, policy, result.speedup.stopped) == result.speedup


def test_an_early_stop_has_a_wider_interval_than_a_single_look() -> None:
    bench = Bench(lognormal(0.02, 1))
    policy = Policy(budget_s=1e9, decide_at=None, target_halfwidth=0.03)
    result = compare(bench.version("A", 1.0), bench.version("B", 1.0), ["x"], policy, clock=bench.clock)
    once = estimate(result.rounds)
    assert result.speedup.stopped == "precise"
    assert result.speedup.low < once.low < once.high < result.speedup.high


@pytest.mark.parametrize("cases", [[], ["x", "x"]])
def test_cases_must_be_given_and_each_once(cases: list[str]) -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="each once"):
        compare(bench.version("A", 1.0), bench.version("B", 1.0), cases, Policy())


@pytest.mark.parametrize("wall_s", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_is_none_is_refused(wall_s: float) -> None:
    policy = Policy(min_rounds=1, max_rounds=2, budget_s=1e9)
    with pytest.raises(ValueError, match="positive and finite"):
        compare(lambda _: Sample(1.0), lambda _: Sample(wall_s), ["x"], policy)


@pytest.mark.parametrize(
    "wrong",
    [
        {"warmup": -1}, {"min_rounds": 0}, {"min_rounds": 9, "max_rounds": 8}, {"budget_s": 0.0},
        {"budget_s": math.nan}, {"target_halfwidth": -0.1}, {"target_halfwidth": 1.0}, {"decide_at": 0.0},
        {"decide_at": math.inf}, {"hopeless": 1.0}, {"confidence": 95.0},
    ],
)  # fmt: skip
def test_a_policy_checks_itself(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Policy(**wrong)  # type: ignore[arg-type]
