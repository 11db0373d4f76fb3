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
class DeviceTimes:
    """One timed execution on a device. `wall_s` decides, transfers included; the rest is reported beside it.

    `kernel_s` and `transfer_s` are sums over kernels and copies, which may overlap; `host_s` is what is left
    of the wall time: the host's own work, launches, waiting. All are None when nothing saw the whole
    execution.
    """

    wall_s: float
    kernel_s: float | None = None
    transfer_s: float | None = None
    host_s: float | None = None


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
class Floor:
    """The least time that one execution of a case can take on this machine.

    Attributes:
        seconds: 0 when nothing is known of the work.
        basis: what it follows from, in words: "2.5e+08 flop stated".
        certain: False when an honest program may be faster, since it need not read everything it is given.
    """

    seconds: float
    basis: str
    certain: bool = True


@dataclass(frozen=True)
class Comparison:
    """A paired timing of two versions: every raw sample, and the speedup of `b` over `a`.

    `floors` are the least possible times by case, as far as the machine is measured.
    """

    a: str
    b: str
    rounds: tuple[Round, ...]
    speedup: Speedup
    floors: Mapping[str, Floor] = field(default_factory=dict)

    def samples(self, side: str) -> dict[str, list[Sample]]:
        """All samples of one side, "a" or "b", by case and in order."""
        found: dict[str, list[Sample]] = {}
        for each in self.rounds:
            for case, pair in (each.a if side == "a" else each.b).items():
                found.setdefault(case, []).extend(pair)
        return found
