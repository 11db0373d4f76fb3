"""Numbers in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.timing import Floor, Speedup
from loopwright.gates.registry import GATES as ALL_GATES
from loopwright.reports.wording import (
    GATES,
    VARIANTS,
    bounds,
    duration,
    floor_words,
    interval,
    rate,
    ratio,
    size,
)
from loopwright.workbench.held_out import GATE as HELD_OUT

UNITS_S = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 µs"), (3.2e-7, "0.32 µs"), (0.0009996, "1000 µs"), (0.001, "1 ms"), (0.01234, "12.3 ms"),
        (0.9999, "1000 ms"), (1.0, "1 s"), (1.234, "1.23 s"), (119.4, "119 s"), (120.0, "2 min 0 s"),
        (4503.0, "75 min 3 s"),
    ],
)  # fmt: skip
def test_a_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@given(st.floats(1e-6, 119))
def test_a_duration_is_right_to_three_digits(seconds: float) -> None:
    value, unit = duration(seconds).split()
    assert "e" not in value
    assert float(value) * UNITS_S[unit] == pytest.approx(seconds, rel=5.1e-3)


@given(st.integers(0, 1 << 60))
def test_a_size_is_right_to_three_digits(count: int) -> None:
    value, unit = size(count).split()
    factor = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}[unit]
    assert "e" not in value
    assert float(value) * factor == pytest.approx(count, rel=5.1e-3)
    assert unit == "TiB" or float(value) <= 1024


@given(st.floats(0.01, 1e5))
def test_a_ratio_is_right_to_a_hundredth_or_three_digits(value: float) -> None:
    found = ratio(value)
    assert re.fullmatch(r"\d+(\.\d+)?x", found)
    assert float(found.removesuffix("x")) == pytest.approx(value, rel=5.1e-3, abs=5.1e-3)


def test_a_rate() -> None:
    assert rate(8.86e10, "byte/s") == "88.6 GB/s"
    assert rate(1.37e9, "flop/s") == "1.37 Gflop/s"
    assert rate(999.6e9, "flop/s") == "1000 Gflop/s"
    assert rate(0, "byte/s") == "0 B/s"


def test_an_interval() -> None:
    speedup = Speedup(2.345, 2.301, 2.388, 8)
    assert interval(speedup) == "2.35x (95 % interval 2.30 to 2.39, 8 rounds)"
    assert bounds(Speedup(12.34, 9.5, 15.0, 8, confidence=0.9)) == "90 % interval 9.50 to 15"


@pytest.mark.parametrize(("low", "high"), [(float("-inf"), float("inf")), (0.0, 2.0), (1.0, float("inf"))])
def test_an_interval_that_is_none_is_not_printed(low: float, high: float) -> None:
    assert interval(Speedup(2.0, low, high, 1)) == "2.00x (too few rounds for an interval)"


def test_a_floor() -> None:
    words = floor_words(Floor(8.2e-5, "2.5e+08 flop stated"))
    assert words == "no less than 82 µs on this machine (2.5e+08 flop stated)"


def test_every_gate_is_explained() -> None:
    names = {gate.name for gate in ALL_GATES} | {HELD_OUT}
    assert names <= set(GATES), "a new gate needs a sentence in reports/wording.py"
    assert set(VARIANTS) == {"own", "native", "auto_parallel"}
