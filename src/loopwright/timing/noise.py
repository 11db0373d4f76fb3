"""A/A noise: how far apart a program and itself seem to be on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from loopwright.core.machine import Noise
from loopwright.timing.compare import Sampler, compare
from loopwright.timing.policy import Policy

SMALLEST_RATIO = 1.005
"""No machine is trusted to tell apart programs that are closer than half a per cent."""


def measure_noise(
    sampler: Sampler,
    *,
    case: str = "noise",
    rounds: int = 10,
    measured_at: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> Noise:
    """Time a program against itself, as two versions are timed, and take the far end of the interval.

    Args:
        sampler: runs a small standard program once; best 20 ms to 200 ms.
        case: the name handed to the sampler.
        rounds: how many rounds of four executions to make, at least 3 (fewer support no interval).
        measured_at: a time stamp to keep with the result.
        clock: see :func:`loopwright.timing.compare.compare`.

    Raises:
        ValueError: for fewer than 3 rounds.
    """
    policy = Policy(
        min_rounds=rounds, max_rounds=rounds, budget_s=float("inf"), target_halfwidth=0.0, decide_at=None
    )
    if rounds < policy.looks.fewest_rounds:
        raise ValueError(f"noise needs at least {policy.looks.fewest_rounds} rounds, not {rounds}")
    speedup = compare(sampler, sampler, [case], policy, label_a="A", label_b="A", clock=clock).speedup
    ratio = max(speedup.high, 1 / speedup.low, SMALLEST_RATIO)
    return Noise(ratio=ratio, rounds=speedup.rounds, measured_at=measured_at)
