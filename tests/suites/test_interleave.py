"""Interleaved rounds: their order, what they estimate, when they stop, and who is left out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from loopwright.core.modes import FailureMode
from loopwright.core.timing import Sample
from loopwright.core.verdict import Failure
from loopwright.suites.interleave import FEWEST_ROUNDS, Plan, interleave, median_wall_s, speedup_of
from loopwright.timing.compare import SampleFailed, Sampler, compare
from loopwright.timing.policy import Policy


class Machine:
    """Runs programs on a clock of its own, and keeps a list of what ran."""

    def __init__(self, drift: float = 0.0, noise: float = 0.0, seed: int = 1) -> None:
        self.now, self.drift, self.noise = 0.0, drift, noise
        self.rng = np.random.default_rng(seed)
        self.ran: list[str] = []

    def program(self, name: str, seconds: float, fails_at: int | None = None) -> Sampler:
        def sample(case: str) -> Sample:
            self.ran.append(name)
            if fails_at is not None and self.ran.count(name) > fails_at:
                raise SampleFailed(Failure(FailureMode.NONDETERMINISTIC, "timing", f"{name} is wrong"))
            wall_s = seconds * (1 + self.drift * len(self.ran)) * math.exp(self.noise * self.rng.normal())
            self.now += wall_s
            return Sample(wall_s)

        return sample


def test_a_round_runs_there_and_back_and_the_next_is_mirrored() -> None:
    machine = Machine()
    interleave({n: machine.program(n, 1.0) for n in "ABC"}, ["full"], Plan(2, 1e9), clock=lambda: machine.now)
    assert "".join(machine.ran) == "ABC" + "ABCCBA" + "CBAABC"


def test_linear_drift_cancels() -> None:
    machine = Machine(drift=0.01)
    samplers = {n: machine.program(n, s) for n, s in {"A": 1.0, "B": 0.5, "C": 1.0, "D": 2.0}.items()}
    sampled = interleave(samplers, ["full"], Plan(6, 1e9), clock=lambda: machine.now)
    for name, ratio in {"B": 2.0, "C": 1.0, "D": 0.5}.items():
        assert speedup_of(sampled, name, "A").estimate == pytest.approx(ratio, rel=2e-3)
    assert speedup_of(sampled, "B", "D").estimate == pytest.approx(4.0, rel=2e-3)


def test_two_versions_give_what_compare_gives() -> None:
    machine, other = Machine(noise=0.1), Machine(noise=0.1)
    plan = Plan(5, 1e9)
    sampled = interleave(
        {n: machine.program(n, s) for n, s in {"A": 1.0, "B": 0.8}.items()}, ["full"], plan,
        clock=lambda: machine.now,
    )  # fmt: skip
    policy = Policy(min_rounds=5, max_rounds=5, budget_s=1e9, decide_at=None, hopeless=None)
    paired = compare(
        other.program("A", 1.0), other.program("B", 0.8), ["full"], policy, clock=lambda: other.now
    )
    assert machine.ran == other.ran
    mine = speedup_of(sampled, "B", "A")
    assert (mine.estimate, mine.low, mine.high) == pytest.approx(
        (paired.speedup.estimate, paired.speedup.low, paired.speedup.high)
    )


@pytest.mark.parametrize("rounds", [FEWEST_ROUNDS, 6])
def test_intervals_cover_the_truth(rounds: int) -> None:
    covered = 0
    for seed in range(300):
        machine = Machine(noise=0.05, seed=seed)
        samplers = {n: machine.program(n, s) for n, s in {"A": 1.0, "B": 0.7, "C": 1.3}.items()}
        sampled = interleave(samplers, ["full"], Plan(rounds, 1e9), clock=lambda m=machine: m.now)
        speedup = speedup_of(sampled, "C", "A")
        covered += speedup.low <= 1 / 1.3 <= speedup.high
    assert covered >= 0.92 * 300


def test_time_runs_out_but_not_before_there_is_an_interval() -> None:
    machine = Machine()
    samplers = {n: machine.program(n, 1.0) for n in "AB"}
    sampled = interleave(samplers, ["full"], Plan(50, 10.0), clock=lambda: machine.now)
    assert sampled.stopped == "budget"
    assert len(sampled.rounds["A"]["full"]) == FEWEST_ROUNDS
    assert speedup_of(sampled, "B", "A").low > 0


def test_a_round_that_would_overrun_by_far_is_not_made() -> None:
    machine = Machine()
    samplers = {n: machine.program(n, 10.0) for n in "AB"}
    sampled = interleave(samplers, ["full"], Plan(50, 10.0), clock=lambda: machine.now)
    assert len(sampled.rounds["A"]["full"]) == 1
    assert speedup_of(sampled, "B", "A").low == 0.0


def test_a_version_that_fails_is_left_out_with_all_it_gave() -> None:
    machine = Machine()
    samplers = {"A": machine.program("A", 1.0), "B": machine.program("B", 1.0, fails_at=3)}
    sampled = interleave(samplers, ["full"], Plan(4, 1e9), clock=lambda: machine.now)
    assert list(sampled.rounds) == ["A"]
    assert sampled.failures["B"].message == "B is wrong"
    assert machine.ran.count("B") == 4
    assert len(sampled.rounds["A"]["full"]) == 4


def test_a_far_slower_version_takes_part_in_the_fewest_rounds_only() -> None:
    machine = Machine(drift=0.01)
    samplers = {n: machine.program(n, s) for n, s in {"A": 1.0, "B": 9.0, "C": 3.0}.items()}
    sampled = interleave(samplers, ["full"], Plan(6, 1e9), clock=lambda: machine.now)
    counts = {name: len(rounds["full"]) for name, rounds in sampled.rounds.items()}
    assert counts == {"A": 6, "B": FEWEST_ROUNDS, "C": 6}
    assert speedup_of(sampled, "B", "A").estimate == pytest.approx(1 / 9, rel=2e-3)
    assert speedup_of(sampled, "A", "B").rounds == FEWEST_ROUNDS


def test_medians_add_up_over_the_cases() -> None:
    machine = Machine()
    sampled = interleave(
        {"A": machine.program("A", 1.5)}, ["x", "y"], Plan(3, 1e9), clock=lambda: machine.now
    )
    assert median_wall_s(sampled, "A") == pytest.approx(3.0)


@pytest.mark.parametrize(("rounds", "budget_s"), [(0, 1.0), (1, 0.0)])
def test_a_plan_for_nothing_is_refused(rounds: int, budget_s: float) -> None:
    with pytest.raises(ValueError, match="nothing to sample"):
        Plan(rounds, budget_s)
