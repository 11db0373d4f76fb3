"""How the error is spent over the looks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.timing.looks import EARLY_SHARE, Looks


@settings(deadline=None)  # the first call for a number of rounds computes a distribution
@given(st.integers(1, 20), st.integers(0, 200), st.sampled_from([0.9, 0.95, 0.99]))
def test_no_path_spends_more_than_the_whole_error(first: int, more: int, confidence: float) -> None:
    looks = Looks(first, first + more, confidence)
    whole = 1 - confidence
    assert sum(looks.early.values()) <= EARLY_SHARE * whole * (1 + 1e-9)
    for end in range(1, looks.last + 1):
        spent = sum(error for count, error in looks.early.items() if count < end)
        assert spent + looks.at_end(end) <= whole * (1 + 1e-9)
        assert looks.at_end(end) >= (1 - EARLY_SHARE) * whole * (1 - 1e-9)


def test_looks_grow_and_none_is_at_the_last_round() -> None:
    assert list(Looks(4, 60).early) == [4, 6, 9, 13, 19, 28, 42]
    assert list(Looks(8, 24).early) == [8, 12, 18]
    assert Looks(8, 8).early == {}


@pytest.mark.parametrize(("first", "last"), [(4, 60), (4, 12), (4, 200), (8, 24), (8, 40)])
def test_an_interval_can_be_had_at_the_first_look(first: int, last: int) -> None:
    assert Looks(first, last).at_early_look(first) > 0


def test_a_look_that_supports_no_interval_costs_nothing() -> None:
    looks = Looks(1, 60)
    assert [looks.at_early_look(count) for count in (1, 2, 3)] == [0, 0, 0]
    assert looks.at_early_look(4) > 0
    assert looks.at_early_look(5) == 0


def test_one_look_has_the_whole_error() -> None:
    assert Looks(6, 6).at_end(6) == pytest.approx(0.05)


@pytest.mark.parametrize(("confidence", "rounds"), [(0.9, 3), (0.95, 3), (0.99, 4), (0.999, 6)])
def test_fewest_rounds(confidence: float, rounds: int) -> None:
    assert Looks(8, 8, confidence).fewest_rounds == rounds


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="1 <= first <= last"):
        Looks(5, 4)
    with pytest.raises(ValueError, match="1 <= first <= last"):
        Looks(0, 4)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Looks(4, 5, 95)
