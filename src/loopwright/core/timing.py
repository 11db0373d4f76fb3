"""Samples, rounds and speedups. Times are seconds on a monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """One timed execution. `wall_s` decides; the rest is reported beside it.

    For a program task `wall_s` is from start to exit of the process; for a kernel task it is the median of
    the repetitions inside the driver, kept raw in `inner_s`, and `outer_s` is the whole process.
    """

    wall_s: float
    user_s: float = 0.0
    system_s: float = 0.0
    peak_memory_bytes: int = 0
    outer_s: float = 0.0
    inner_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Round:
    """One A B B A round over one or more cases: case name to the two samples of either side, in order."""

    a: Mapping[str, tuple[Sample, Sample]]
    b: Mapping[str, tuple[Sample, Sample]]


@dataclass(frozen=True)
class Speedup:
    """Time of `a` over time of `b`, as an estimate with a confidence interval (1.0: equally fast).

    Attributes:
        estimate, low, high: ratio; low and high bound the interval at level `confidence`.
        rounds: number of A B B A rounds behind it.
        method: name of the estimator, with its source in the docs.
        stopped: why sampling ended: "precise", "decided", "budget", "rounds".
        by_case: the estimate for each case alone.
    """

    estimate: float
    low: float
    high: float
    rounds: int
    confidence: float = 0.95
    method: str = ""
    stopped: str = ""
    by_case: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """A paired timing of two versions: every raw sample, and the speedup of `b` over `a`."""

    a: str
    b: str
    rounds: tuple[Round, ...]
    speedup: Speedup
