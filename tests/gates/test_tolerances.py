"""Tolerances from evidence: what is proposed accepts the evidence, stays near it, and says when the task does
not.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.task import Tolerance
from loopwright.gates.compare import AnyArray, compare, matches
from loopwright.gates.tolerances import (
    LEAST_EPSILONS,
    SAFETY,
    Evidence,
    ToleranceResult,
    Variation,
    judge_output,
    propose,
)


def judged(
    stated: Tolerance, reference: AnyArray, *others: AnyArray, printed: bool = False
) -> ToleranceResult | None:
    variations = tuple(Variation(f"way {n}", "small", {"x": other}) for n, other in enumerate(others))
    return judge_output("x", stated, Evidence({"small": {"x": reference}}, variations), printed=printed)


@given(
    seed=st.integers(0, 2**32), size=st.integers(1, 200), scale=st.floats(-30, 30),
    noise=st.floats(-16, -2), dtype=st.sampled_from(["f4", "f8"]), zeros=st.booleans(),
)  # fmt: skip
def test_what_is_proposed_accepts_the_evidence_with_room_to_spare(
    seed: int, size: int, scale: float, noise: float, dtype: str, zeros: bool
) -> None:
    rng = np.random.default_rng(seed)
    reference = (rng.normal(size=size) * 10.0**scale).astype(dtype)
    if zeros:
        reference[rng.integers(0, size)] = 0
    exact = reference.astype(np.float64)
    other = (exact * (1 + 10.0**noise * rng.normal(size=size)) + 10.0 ** (scale + noise)).astype(dtype)
    proposed = propose([(reference, other)])
    assert compare("x", reference, other, proposed) is None
    # Ten times the spread is what it leaves room for, or the least it ever proposes.
    further = (exact + 0.9 * SAFETY * (other.astype(np.float64) - exact)).astype(dtype)
    assert np.mean(matches(reference, further, proposed)) == 1.0
    # And no more than a few times that: an error a hundred times the spread is rejected.
    spread = np.abs(other.astype(np.float64) - exact)
    least = LEAST_EPSILONS * float(np.finfo(dtype).eps)
    if float(np.max(spread)) > 0 and proposed.rtol > 2 * least:
        wrong = (exact + 1000 * SAFETY * spread).astype(dtype)
        assert compare("x", reference, wrong, proposed) is not None


def test_without_any_spread_the_least_is_proposed() -> None:
    array = np.linspace(1, 2, 9)
    assert propose([(array, array)]) == Tolerance(3e-14, 0.0)
    single = array.astype(np.float32)
    assert propose([(single, single)]) == Tolerance(2e-5, 0.0)


def test_sums_that_cancel_get_an_absolute_tolerance() -> None:
    reference = np.array([1.0, 2.0, 3.0, 1e-17])
    other = np.array([1.0, 2.0, 3.0, 3e-16])
    proposed = propose([(reference, other)])
    assert proposed.rtol == 3e-14 and 2e-15 < proposed.atol < 5e-15


def test_a_looser_tolerance_by_orders_of_magnitude_is_told() -> None:
    array = np.linspace(1, 2, 9)
    loose = judged(Tolerance(1e-3), array, array)
    assert loose is not None and "looser than needed by 10 orders of magnitude" in loose.note
    assert "rtol = 0.001" in loose.note and "asks for rtol = 3e-14" in loose.note
    fair = judged(Tolerance(1e-10), array, array)
    assert fair is not None and fair.note == "" and fair.used == 0


def test_a_tighter_one_is_told_with_the_way_that_breaks_it() -> None:
    array = np.linspace(1, 2, 9)
    other = array * (1 + 1e-9)
    tight = judged(Tolerance(1e-12), array, array, other)
    assert tight is not None and "tighter than the evidence: way 1 (case small) is 1e+03 times" in tight.note
    assert tight.used == pytest.approx(1000, rel=0.01)
    nothing_allowed = judged(Tolerance(0.0), array, other)
    assert nothing_allowed is not None and nothing_allowed.used == float("inf")
    by_ulps = judged(Tolerance(0.0, 0.0, 1 << 20), array, array + np.spacing(array))
    assert by_ulps is not None and by_ulps.used < 1e-5


def test_printed_numbers_are_no_more_exact_than_printed() -> None:
    array = np.array([0.123457, 12.5, 3.25])
    result = judged(Tolerance(1e-9), array, array, printed=True)
    assert result is not None and result.proposed == Tolerance(1e-5, 1e-6)
    counts = np.array([12.0, 500.0])
    whole = judged(Tolerance(1e-9), counts, counts, printed=True)
    assert whole is not None and whole.proposed == Tolerance(3e-14, 0.0)
    full = np.array([0.1234567890123456])
    precise = judged(Tolerance(1e-9), full, full, printed=True)
    assert precise is not None and precise.proposed == Tolerance(3e-14, 0.0)


def test_integers_texts_and_outputs_that_were_not_computed_again_are_left_alone() -> None:
    numbers = np.arange(5)
    assert judged(Tolerance(), numbers, numbers) is None
    words = np.array([b"a", b"b"], dtype=object)
    assert judged(Tolerance(), words, words) is None
    assert judged(Tolerance(), np.ones(3)) is None
    assert judged(Tolerance(), np.ones(3), np.ones(4)) is None


def test_nan_and_infinities_do_not_count() -> None:
    reference = np.array([1.0, np.nan, np.inf, 2.0])
    other = np.array([1.0, 5.0, np.inf, 2.0])
    assert propose([(reference, other)]) == Tolerance(3e-14, 0.0)
    nothing = np.array([np.nan])
    assert propose([(nothing, nothing)]).rtol > 0


def test_what_a_candidate_may_not_do_is_no_reason_for_a_looser_tolerance() -> None:
    array = np.linspace(1, 2, 9)
    variation = Variation("fast math", "small", {"x": array * 1.01}, proves=False)
    assert judge_output("x", Tolerance(), Evidence({"small": {"x": array}}, (variation,))) is None
