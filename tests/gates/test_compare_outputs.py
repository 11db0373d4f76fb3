"""Element-by-element comparison: what may count as equal, and what may never."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.task import Tolerance
from loopwright.gates.compare import compare, matches, ulp_distance

EXACT = Tolerance(rtol=0.0, atol=0.0)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def agree(reference: float, actual: float, tolerance: Tolerance = EXACT) -> bool:
    return bool(matches(np.array([reference]), np.array([actual]), tolerance)[0])


@pytest.mark.parametrize("tolerance", [EXACT, Tolerance(rtol=1e300, atol=1e300), Tolerance(ulps=10**18)])
def test_nan_and_infinity_never_match_a_number(tolerance: Tolerance) -> None:
    for special in (math.nan, math.inf, -math.inf):
        assert agree(special, special, tolerance)
        assert not agree(1.0, special, tolerance)
        assert not agree(special, 1.0, tolerance)
    assert not agree(math.inf, -math.inf, tolerance)
    assert not agree(math.nan, math.inf, tolerance)


@pytest.mark.parametrize(("kind", "bits"), [("f8", 0x7FF4DEADA5A5A5A5), ("f4", 0x7FA5A5A5)])
def test_what_was_never_written_is_not_the_nan_that_was_expected(kind: str, bits: int) -> None:
    poison = np.array([bits, bits], dtype=f"<u{kind[1]}").view(f"<{kind}")
    expected = np.full(2, np.nan, dtype=f"<{kind}")
    assert not matches(expected, poison, EXACT).any()
    assert matches(expected, -expected, EXACT).all()
    assert matches(poison, poison.copy(), EXACT).all()


@given(NUMBERS, NUMBERS, st.floats(0, 1), st.floats(0, 1e6))
def test_tolerance_is_the_documented_formula(b: float, a: float, rtol: float, atol: float) -> None:
    expected = a == b or (math.isnan(a) and math.isnan(b))
    if math.isfinite(a) and math.isfinite(b):
        expected = expected or abs(a - b) <= atol + rtol * abs(b)
    assert agree(b, a, Tolerance(rtol=rtol, atol=atol)) == expected


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 50))
def test_ulp_distance_counts_neighbours(start: float, steps: int) -> None:
    value = start
    for _ in range(steps):
        value = math.nextafter(value, math.inf)
    if math.isfinite(value):
        assert int(ulp_distance(np.array([start]), np.array([value]))[0]) == steps
        assert int(ulp_distance(np.array([value]), np.array([start]))[0]) == steps


def test_ulps_across_zero_and_for_f32() -> None:
    tiny = np.array([5e-324]), np.array([-5e-324])
    assert int(ulp_distance(*tiny)[0]) == 2
    one = np.array([1], dtype="<f4")
    assert int(ulp_distance(one, np.nextafter(one, np.float32(2)))[0]) == 1


def test_integers_are_exact_and_do_not_overflow() -> None:
    low, high = np.array([-(2**63)]), np.array([2**63 - 1])
    assert not matches(low, high, Tolerance(rtol=1.0, atol=0.0))[0]
    assert not matches(low, high, Tolerance(rtol=1.0, atol=2.0**62))[0]
    assert matches(np.array([7]), np.array([8]), Tolerance(atol=1.0))[0]
    assert not matches(np.array([7], dtype="<u8"), np.array([9], dtype="<u8"), Tolerance(atol=1.0))[0]


def test_the_message_names_the_worst_element_but_not_the_expected_value() -> None:
    reference = np.full((3, 5), 123.456)
    actual = reference.copy()
    actual[1, 2] += 1
    actual[2, 4] += 10
    mismatch = compare("C", reference, actual, EXACT)
    assert mismatch is not None
    assert (mismatch.wrong, mismatch.total, mismatch.worst_index) == (2, 15, (2, 4))
    assert "C[2][4]" in mismatch.message
    assert "123.456" not in mismatch.message


@pytest.mark.parametrize(
    "actual", [np.zeros(3), np.zeros((2, 2)), np.zeros(4, dtype="<f4"), np.zeros(4, dtype=object)]
)
def test_another_shape_or_type_is_a_mismatch(actual: np.ndarray) -> None:
    assert compare("x", np.zeros(4), actual, Tolerance(rtol=1.0, atol=1.0)) is not None


def test_text_is_compared_line_by_line() -> None:
    lines = np.array([b"a", b"b"], dtype=object)
    assert compare("stdout", lines, lines.copy(), EXACT) is None
    mismatch = compare("stdout", lines, np.array([b"a", b"c"], dtype=object), EXACT)
    assert mismatch is not None and "line 2" in mismatch.message
