"""The roofline, against values worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.machine import Floors
from loopwright.core.task import Dtype
from loopwright.profilers.roofline import roofline

FLOORS = Floors({1: 10e9, 2: 16e9}, {1: 40e9, 2: 80e9}, {1: 80e9, 2: 160e9})


def test_memory_bound() -> None:
    # 1/8 flop a byte at 10 GB/s: 1.25 Gflop/s at most; 1e9 flop in 1 s is 80 % of that.
    position = roofline(8e9, 1e9, 1.0, FLOORS, 1)
    assert position is not None
    assert (position.intensity, position.bound, position.limit, position.unit) == (
        0.125,
        1.25e9,
        "memory",
        "flop/s",
    )
    assert position.fraction == pytest.approx(0.8)


def test_compute_bound_and_single_precision() -> None:
    position = roofline(1e9, 100e9, 5.0, FLOORS, 1)
    assert position is not None
    assert (position.bound, position.limit, position.attained) == (40e9, "compute", 20e9)
    single = roofline(1e9, 100e9, 5.0, FLOORS, 1, dtype=Dtype.F32)
    assert single is not None
    assert single.bound == 80e9


def test_the_ridge_is_where_both_bounds_meet() -> None:
    ridge = roofline(1e9, 4e9, 1.0, FLOORS, 1)
    assert ridge is not None
    assert ridge.bound == 40e9


def test_bytes_alone_and_flops_alone() -> None:
    moved = roofline(5e9, None, 1.0, FLOORS, 1)
    assert moved is not None
    assert (moved.intensity, moved.attained, moved.bound, moved.unit) == (None, 5e9, 10e9, "byte/s")
    done = roofline(None, 5e9, 1.0, FLOORS, 2)
    assert done is not None
    assert (done.intensity, done.bound, done.limit) == (None, 80e9, "compute")


def test_no_stated_work_has_no_position() -> None:
    assert roofline(None, None, 1.0, FLOORS, 1) is None


def test_threads_that_were_not_measured_take_the_nearest_smaller_number() -> None:
    three = roofline(5e9, None, 1.0, FLOORS, 3)
    assert three is not None
    assert three.bound == 16e9


@pytest.mark.parametrize("wall_s", [0.0, -1.0, float("nan")])
def test_a_time_that_is_none(wall_s: float) -> None:
    with pytest.raises(ValueError, match="wall_s"):
        roofline(1.0, 1.0, wall_s, FLOORS, 1)


def test_floors_that_were_not_measured() -> None:
    with pytest.raises(ValueError, match="not measured"):
        roofline(1.0, None, 1.0, Floors({}, {}, {}), 1)


@given(st.floats(1, 1e12), st.floats(1, 1e12), st.floats(1e-6, 1e3), st.integers(1, 4))
def test_the_bound_is_never_above_either_ceiling(
    nbytes: float, flops: float, wall_s: float, threads: int
) -> None:
    position = roofline(nbytes, flops, wall_s, FLOORS, threads)
    assert position is not None
    bandwidth, peak = (10e9, 40e9) if threads == 1 else (16e9, 80e9)
    assert position.bound <= peak
    assert position.bound <= bandwidth * flops / nbytes * (1 + 1e-12)
    assert position.bound == pytest.approx(min(peak, bandwidth * flops / nbytes))
