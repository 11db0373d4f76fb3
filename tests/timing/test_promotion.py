"""What may be claimed, and the noise of a machine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.machine import Noise
from loopwright.core.timing import Sample, Speedup
from loopwright.timing.noise import SMALLEST_RATIO, measure_noise
from loopwright.timing.promotion import CLEARANCE, Claim, claim, clears, is_promoted

QUIET = Noise(1.005, 10)


def speedup(low: float, estimate: float, high: float) -> Speedup:
    return Speedup(estimate, low, high, rounds=8)


@pytest.mark.parametrize(
    ("interval", "noise", "expected"),
    [
        ((1.4, 1.5, 1.6), 1.02, Claim.FASTER),
        ((1.01, 1.015, 1.03), 1.02, Claim.UNDECIDED),  # real, but two equal programs differ as much
        ((1.0, 1.5, 2.0), 1.02, Claim.UNDECIDED),
        ((0.99, 1.1, 1.2), 1.02, Claim.UNDECIDED),
        ((1.01, 1.1, 1.2), 1.02, Claim.UNDECIDED),  # does not clear 1
        ((0.995, 1.0, 1.005), 1.02, Claim.EQUAL),
        ((1.001, 1.003, 1.004), 1.005, Claim.EQUAL),
        ((0.7, 0.8, 0.9), 1.02, Claim.SLOWER),
        ((0.98, 0.985, 0.99), 1.02, Claim.UNDECIDED),
        ((0.0, 3.0, math.inf), 1.02, Claim.UNDECIDED),
        ((0.0, 0.1, math.inf), 1.02, Claim.UNDECIDED),
        ((2.0, 2.0, 2.0), 1.02, Claim.FASTER),
    ],
)
def test_claims(interval: tuple[float, float, float], noise: float, expected: Claim) -> None:
    assert claim(speedup(*interval), Noise(noise, 10)) is expected
    assert is_promoted(speedup(*interval), Noise(noise, 10)) is (expected is Claim.FASTER)


@given(st.floats(0.01, 100), st.floats(1.0, 10), st.floats(1.0, 10), st.floats(1.0, 2.0))
def test_never_promoted_without_an_interval_above_one_and_an_estimate_above_noise(
    low: float, arm: float, other: float, ratio: float
) -> None:
    seen = speedup(low, low * arm, low * arm * other)
    if is_promoted(seen, Noise(ratio, 10)):
        assert seen.low > 1
        assert seen.estimate > ratio


def test_clearance_is_a_share_of_the_lower_arm() -> None:
    arm = 0.1
    for share, expected in ((CLEARANCE + 0.01, True), (CLEARANCE - 0.01, False)):
        low = 2.0 * math.exp(share * arm)
        assert clears(speedup(low, low * math.exp(arm), 10.0), 2.0) is expected


def jittery(sigma: float, seed: int = 0) -> list[Sample]:
    return [Sample(float(t)) for t in np.random.default_rng(seed).lognormal(0, sigma, 500)]


def test_a_noisier_machine_has_a_larger_ratio() -> None:
    ratios = []
    for sigma in (0.0, 0.01, 0.05, 0.2):
        samples = iter(jittery(sigma))
        noise = measure_noise(lambda _, samples=samples: next(samples), measured_at="now")
        assert (noise.rounds, noise.measured_at) == (10, "now")
        ratios.append(noise.ratio)
    assert ratios[0] == SMALLEST_RATIO
    assert ratios == sorted(ratios)
    assert 1.005 < ratios[1] < 1.03
    assert ratios[3] > 1.1


def test_noise_needs_rounds_enough_for_an_interval() -> None:
    with pytest.raises(ValueError, match="at least 3 rounds"):
        measure_noise(lambda _: Sample(1.0), rounds=2)
    assert measure_noise(lambda _: Sample(1.0), rounds=3).ratio == SMALLEST_RATIO


def test_noise_runs_the_case_it_is_told() -> None:
    seen = set()

    def sampler(case: str) -> Sample:
        seen.add(case)
        return Sample(1.0)

    measure_noise(sampler, case="standard", rounds=3)
    assert seen == {"standard"}
