"""The estimator against brute force, and the properties it must have."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from loopwright.core.timing import Round, Sample
from loopwright.timing.estimate import (
    estimate,
    interval_depth,
    log_ratios,
    reached_error,
    walsh_averages,
)

times = st.floats(min_value=1e-6, max_value=1e4)
quadruples = st.lists(st.tuples(times, times, times, times), min_size=1, max_size=12)


def make_round(a1: float, b1: float, b2: float, a2: float, case: str = "x") -> Round:
    return Round({case: (Sample(a1), Sample(a2))}, {case: (Sample(b1), Sample(b2))})


def rounds_of(ratios: list[float]) -> list[Round]:
    """Rounds whose halves show these speedups, two a round."""
    return [make_round(r1, 1.0, 1.0, r2) for r1, r2 in zip(ratios[::2], ratios[1::2], strict=True)]


@pytest.mark.parametrize("n", range(1, 11))
def test_depth_against_all_sign_patterns(n: int) -> None:
    """The chance that the interval misses, counted over all 2**n equally likely sign patterns."""
    ranks = range(1, n + 1)
    sums = [
        sum(r for r, kept in zip(ranks, keep, strict=True) if kept)
        for keep in itertools.product((0, 1), repeat=n)
    ]
    for error in (0.3, 0.1, 0.05, 0.01, 2 / 2**n, 1.9 / 2**n):
        depth = interval_depth(n, error)
        missed = 2 * sum(s <= depth - 1 for s in sums) / 2**n
        missed_if_one_deeper = 2 * sum(s <= depth for s in sums) / 2**n
        assert missed <= error < missed_if_one_deeper
        assert reached_error(n, depth) == pytest.approx(missed)


@pytest.mark.parametrize(("n", "depth"), [(5, 0), (6, 1), (7, 3), (8, 4), (10, 9), (20, 53), (25, 90)])
def test_depth_against_printed_tables(n: int, depth: int) -> None:
    """Two-sided 5 % critical values of the signed-rank test, as printed in textbooks, plus one."""
    assert interval_depth(n, 0.05) == depth


@pytest.mark.parametrize("n", [6, 8, 10, 14, 20, 30])
@pytest.mark.parametrize("error", [0.05, 0.1, 0.03])
def test_interval_is_what_the_exact_test_does_not_reject(n: int, error: float) -> None:
    values = np.random.default_rng(n).normal(0.2, 1.0, n)
    speedup = estimate(rounds_of(list(np.exp(values))), error=error)
    for edge, inside, outside in ((speedup.low, 1e-9, -1e-9), (speedup.high, -1e-9, 1e-9)):
        if edge in (0, math.inf):
            continue
        theta = math.log(edge)
        assert wilcoxon(values - theta - inside, method="exact").pvalue > error
        assert wilcoxon(values - theta - outside, method="exact").pvalue <= error


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=30))
def test_walsh_averages_against_all_pairs(values: list[float]) -> None:
    pairs = itertools.combinations_with_replacement(values, 2)
    assert walsh_averages(np.array(values)) == pytest.approx(sorted((x + y) / 2 for x, y in pairs))


def test_estimate_is_the_median_of_the_walsh_averages() -> None:
    logs = [0.0, 0.1, 0.2, 5.0]
    averages = sorted((x + y) / 2 for x, y in itertools.combinations_with_replacement(logs, 2))
    expected = math.exp((averages[4] + averages[5]) / 2)
    assert estimate(rounds_of([math.exp(x) for x in logs])).estimate == pytest.approx(expected)


@given(quadruples, st.floats(1e-3, 1e3))
def test_scale_invariance(quads: list[tuple[float, ...]], factor: float) -> None:
    one = estimate([make_round(*q) for q in quads])
    other = estimate([make_round(*(factor * t for t in q)) for q in quads])
    assert (other.estimate, other.low, other.high) == pytest.approx(
        (one.estimate, one.low, one.high), rel=1e-9
    )


@given(quadruples, st.floats(0.1, 10))
def test_a_factor_on_one_side_is_a_factor_on_the_speedup(
    quads: list[tuple[float, ...]], factor: float
) -> None:
    one = estimate([make_round(*q) for q in quads])
    other = estimate([make_round(a1 * factor, b1, b2, a2 * factor) for a1, b1, b2, a2 in quads])
    assert other.estimate == pytest.approx(factor * one.estimate, rel=1e-9)
    assert other.low == pytest.approx(factor * one.low, rel=1e-9)


@given(quadruples)
def test_swapping_the_versions_inverts_estimate_and_interval(quads: list[tuple[float, ...]]) -> None:
    rounds = [make_round(*q) for q in quads]
    one = estimate(rounds)
    other = estimate([Round(each.b, each.a) for each in rounds])
    assert other.estimate == pytest.approx(1 / one.estimate, rel=1e-9)
    assert other.high == pytest.approx(1 / one.low if one.low else math.inf, rel=1e-9)
    assert other.low == pytest.approx(1 / one.high, rel=1e-9)


@given(quadruples)
def test_order_of_the_numbers(quads: list[tuple[float, ...]]) -> None:
    speedup = estimate([make_round(*q) for q in quads])
    assert 0 <= speedup.low <= speedup.estimate <= speedup.high
    assert speedup.rounds == len(quads)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_rounds_claim_nothing(count: int) -> None:
    speedup = estimate(rounds_of([2.0, 2.0] * count))
    assert (speedup.low, speedup.estimate, speedup.high) == (0.0, pytest.approx(2.0), math.inf)


def test_three_rounds_can_have_an_interval_and_no_less_error_than_they_support() -> None:
    rounds = rounds_of([1.8, 1.9, 2.0, 2.1, 2.2, 2.3])
    assert (estimate(rounds).low, estimate(rounds).high) == (pytest.approx(1.8), pytest.approx(2.3))
    assert estimate(rounds, error=0.031).low == 0.0
    assert estimate(rounds, confidence=0.99).high == math.inf


def test_identical_times_make_a_point() -> None:
    speedup = estimate(rounds_of([1.5] * 16))
    assert (speedup.low, speedup.estimate, speedup.high) == pytest.approx((1.5, 1.5, 1.5))


def test_every_case_counts_the_same_however_long_it_runs() -> None:
    """A second and a microsecond: one twice as fast, one half as fast, nothing gained over both."""
    each = Round(
        {"long": (Sample(1.0), Sample(1.0)), "short": (Sample(1e-6), Sample(1e-6))},
        {"long": (Sample(0.5), Sample(0.5)), "short": (Sample(2e-6), Sample(2e-6))},
    )
    speedup = estimate([each] * 4)
    assert speedup.estimate == pytest.approx(1.0)
    assert speedup.by_case == pytest.approx({"long": 2.0, "short": 0.5})


def test_fifty_cases_of_very_different_length() -> None:
    rng = np.random.default_rng(5)
    lengths = 10.0 ** rng.uniform(-6, 2, 50)

    def side(factor: float) -> dict[str, tuple[Sample, Sample]]:
        return {
            str(i): (Sample(s * factor * rng.lognormal(0, 0.02)), Sample(s * factor * rng.lognormal(0, 0.02)))
            for i, s in enumerate(lengths)
        }

    speedup = estimate([Round(side(1.3), side(1.0)) for _ in range(6)])
    assert speedup.low < 1.3 < speedup.high
    assert speedup.high / speedup.low < 1.02
    assert len(speedup.by_case) == 50


@pytest.mark.parametrize("growth", [0.001, 0.01, 0.1])
def test_linear_drift_leaves_the_estimate(growth: float) -> None:
    """Samples ever slower by the same amount; mirrored rounds as compare makes them."""
    rounds = []
    for number in range(10):
        t = [1.0 + growth * (4 * number + place) for place in range(4)]
        rounds.append(
            make_round(1.2 * t[0], t[1], t[2], 1.2 * t[3])
            if number % 2 == 0
            else make_round(1.2 * t[1], t[0], t[3], 1.2 * t[2])
        )
    speedup = estimate(rounds)
    assert speedup.estimate == pytest.approx(1.2, rel=growth / 10)
    assert speedup.low <= 1.2 <= speedup.high
    one_order = estimate([make_round(1.2 * (1 + growth), 1.0, 1.0, 1.2 * (1 + growth))])
    assert abs(one_order.estimate - 1.2) > 5 * abs(speedup.estimate - 1.2)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("place", range(4))
def test_a_time_that_is_none_is_refused(bad: float, place: int) -> None:
    quad = [1.0, 1.0, 1.0, 1.0]
    quad[place] = bad
    with pytest.raises(ValueError, match=r"case 'grid' has a time of .* positive and finite"):
        estimate([make_round(1.0, 1.0, 1.0, 1.0, "grid"), make_round(*quad, "grid")])


def test_wrong_input_is_refused() -> None:
    good = make_round(1.0, 1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="at least one round"):
        estimate([])
    with pytest.raises(ValueError, match="at least one case"):
        estimate([Round({}, {})])
    with pytest.raises(ValueError, match="round 2 is not over the cases x"):
        estimate([good, make_round(1.0, 1.0, 1.0, 1.0, "y")])
    with pytest.raises(ValueError, match="round 1 is not over the cases x"):
        estimate([Round(good.a, {})])
    with pytest.raises(ValueError, match="confidence"):
        estimate([good], confidence=95)


def test_neighbours_are_compared() -> None:
    """In a round the first samples of both sides lie next to each other, and the last ones."""
    assert log_ratios([make_round(2.0, 1.0, 1.0, 8.0)])["x"] == pytest.approx([math.log(2), math.log(8)])
