"""What may be claimed from a speedup. Pure functions.

A version is promoted when its whole interval lies above 1 and its estimate above the A/A noise of the
machine. The interval keeps chance out, whatever the number of looks; the noise ratio keeps out differences
that are real within one session but that two equal programs show as well.
"""

from __future__ import annotations

from enum import StrEnum

from loopwright.core.machine import Noise
from loopwright.core.timing import Speedup


class Claim(StrEnum):
    """What a comparison shows about `b` beside `a`."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUAL = "equal"
    """The whole interval lies within the noise of the machine: no difference that matters."""
    UNDECIDED = "undecided"


def is_promoted(speedup: Speedup, noise: Noise) -> bool:
    """Whether `b` may replace `a`: interval wholly above 1, estimate above the noise of the machine."""
    return speedup.low > 1 and speedup.estimate > noise.ratio


def claim(speedup: Speedup, noise: Noise) -> Claim:
    """What may be said of `b`, no more than the samples bear."""
    if is_promoted(speedup, noise):
        return Claim.FASTER
    if speedup.high < 1 and speedup.estimate * noise.ratio < 1:
        return Claim.SLOWER
    if speedup.low * noise.ratio >= 1 and speedup.high <= noise.ratio:
        return Claim.EQUAL
    return Claim.UNDECIDED
