"""The promises of the method, by simulation with fixed seeds.

Nominal 95 % intervals, reported after optional stopping, must cover the truth in at least 93 % of the
comparisons under every kind of noise; equal versions must be promoted in at most 1 %; a real difference must
be found. Each simulated execution takes the true time of its version times the next value of the machine's
noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from loopwright.core.machine import Noise
from loopwright.core.timing import Sample, Speedup
from loopwright.timing.compare import Sampler, compare
from loopwright.timing.estimate import estimate
from loopwright.timing.noise import measure_noise
from loopwright.timing.policy import Policy
from loopwright.timing.promotion import is_promoted

SIGMA = 0.03
EXECUTIONS = 260
COMPARISONS = 1500
UNAWARE = Noise(1.005, 10)
"""The smallest ratio there is: what a machine would be given that was quiet when it was measured."""

Series = npt.NDArray[np.float64]


def lognormal(rng: np.random.Generator) -> Series:
    return rng.lognormal(0, SIGMA, EXECUTIONS)


def spikes(rng: np.random.Generator) -> Series:
    """One execution in ten takes 2 to 10 times as long."""
    hit = rng.random(EXECUTIONS) < 0.1
    return lognormal(rng) * np.where(hit, rng.uniform(2, 10, EXECUTIONS), 1)


def drift(rng: np.random.Generator) -> Series:
    """Times double within the longest comparison, in equal steps."""
    return lognormal(rng) * (1 + np.arange(EXECUTIONS) / EXECUTIONS)


def two_modes(rng: np.random.Generator) -> Series:
    """Each execution is 15 % slower with chance 0.4 (memory layout, core)."""
    return lognormal(rng) * np.where(rng.random(EXECUTIONS) < 0.4, 1.15, 1)


def two_lasting_modes(rng: np.random.Generator) -> Series:
    """The machine goes over to its other mode before one execution in seven and stays there (frequency)."""
    return lognormal(rng) * np.where(np.cumsum(rng.random(EXECUTIONS) < 1 / 7) % 2, 1.15, 1)


def autocorrelated(rng: np.random.Generator) -> Series:
    """AR(1) with coefficient 0.7, started in its stationary distribution."""
    steps = rng.normal(0, SIGMA, EXECUTIONS)
    level, levels = steps[0] / np.sqrt(1 - 0.7**2), []
    for step in steps:
        levels.append(level)
        level = 0.7 * level + step
    return np.exp(levels)


KINDS = [lognormal, spikes, drift, two_modes, two_lasting_modes, autocorrelated]
POLICIES = {
    "3 rounds": Policy(min_rounds=3, max_rounds=3, decide_at=None),
    "6 rounds": Policy(min_rounds=6, max_rounds=6, decide_at=None),
    "8 rounds": Policy(min_rounds=8, max_rounds=8, decide_at=None),
    "trial": Policy(max_rounds=24),
    "publish": Policy(max_rounds=24, decide_at=None, hopeless=None, target_halfwidth=0.03),
}

Kind = Callable[[np.random.Generator], Series]


@dataclass(frozen=True)
class Machine:
    """Noise that goes on from execution to execution, whichever version is run."""

    noise: Iterator[float]

    def version(self, wall_s: float) -> Sampler:
        return lambda _: Sample(wall_s * next(self.noise))


def machine(kind: Kind, rng: np.random.Generator) -> Machine:
    return Machine(iter(kind(rng).tolist()))


def comparison(kind: Kind, ratio: float, policy: Policy, rng: np.random.Generator) -> Speedup:
    here = machine(kind, rng)
    return compare(here.version(ratio), here.version(1.0), ["x"], policy).speedup


def share(events: list[bool]) -> float:
    return sum(events) / len(events)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("kind", KINDS)
def test_coverage_and_false_promotions_of_equal_versions(kind: Kind, policy: Policy) -> None:
    rng = np.random.default_rng(20261121)
    seen = [comparison(kind, 1.0, policy, rng) for _ in range(COMPARISONS)]
    assert share([s.low <= 1 <= s.high for s in seen]) >= 0.93
    assert share([is_promoted(s, UNAWARE) for s in seen]) <= 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_coverage_of_a_difference_that_is_mostly_decided_early(kind: Kind) -> None:
    rng = np.random.default_rng(1)
    policy = POLICIES["trial"]
    seen = [comparison(kind, 1.08, policy, rng) for _ in range(COMPARISONS)]
    assert share([s.low <= 1.08 <= s.high for s in seen]) >= 0.93
    assert share([s.stopped == "decided" for s in seen]) > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_coverage_and_false_promotions_under_the_default_policy(kind: Kind) -> None:
    rng = np.random.default_rng(2)
    seen = [comparison(kind, 1.0, Policy(), rng) for _ in range(COMPARISONS)]
    assert share([s.low <= 1 <= s.high for s in seen]) >= 0.93
    assert share([is_promoted(s, UNAWARE) for s in seen]) <= 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_false_promotions_beside_measured_noise(kind: Kind) -> None:
    rng = np.random.default_rng(3)
    promoted = []
    for _ in range(COMPARISONS):
        noise = measure_noise(machine(kind, rng).version(1.0))
        promoted.append(is_promoted(comparison(kind, 1.0, POLICIES["8 rounds"], rng), noise))
    assert share(promoted) <= 0.005


def test_the_simulation_catches_a_method_that_looks_too_often() -> None:
    """Stopping at the first plain 95 % interval that excludes 1, as is often done, breaks both promises."""
    rng = np.random.default_rng(4)
    covered, promoted = [], []
    for _ in range(300):
        here = machine(lognormal, rng)
        rounds = compare(
            here.version(1.0), here.version(1.0), ["x"], Policy(max_rounds=24, min_rounds=24, decide_at=None)
        ).rounds
        looks = [estimate(rounds[:count]) for count in range(3, 25)]
        final = next((s for s in looks if not s.low <= 1 <= s.high), looks[-1])
        covered.append(final.low <= 1 <= final.high)
        promoted.append(final.low > 1)
    assert share(covered) < 0.9
    assert share(promoted) > 0.03


def test_five_per_cent_under_one_per_cent_of_noise_is_found() -> None:
    rng = np.random.default_rng(5)
    seen = []
    for _ in range(200):
        here = Machine(iter(rng.lognormal(0, 0.01, EXECUTIONS).tolist()))
        noise = measure_noise(Machine(iter(rng.lognormal(0, 0.01, EXECUTIONS).tolist())).version(1.0))
        speedup = compare(here.version(1.05), here.version(1.0), ["x"], Policy()).speedup
        seen.append((is_promoted(speedup, noise), speedup.rounds))
    assert share([promoted for promoted, _ in seen]) >= 0.95
    assert np.mean([rounds for _, rounds in seen]) < 10


@pytest.mark.parametrize("kind", [lognormal, spikes, drift, two_lasting_modes, autocorrelated])
def test_ten_per_cent_is_found_under_any_noise(kind: Kind) -> None:
    rng = np.random.default_rng(6)
    seen = [comparison(kind, 1.10, Policy(), rng) for _ in range(200)]
    assert share([is_promoted(s, UNAWARE) for s in seen]) >= 0.9


def test_hopeless_versions_cost_two_rounds_and_are_never_promoted() -> None:
    rng = np.random.default_rng(7)
    seen = [comparison(lognormal, 0.5, Policy(), rng) for _ in range(200)]
    assert {s.rounds for s in seen} == {2}
    assert not any(is_promoted(s, Noise(1.0, 10)) for s in seen)
