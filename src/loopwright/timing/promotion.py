"""What may be claimed from a speedup. Pure functions.

A version is promoted when its whole interval lies clearly above 1 and its estimate above the A/A noise of
the machine. The interval keeps chance out, whatever the number of looks; the noise ratio keeps out
differences that are real within one session but that two equal programs show as well.

A 95 % interval lies wholly above 1 by chance in up to 2.5 % of the comparisons of equal programs. A search
makes many comparisons, so at most 1 % is wanted even where the noise ratio is too low for the program at
hand: the interval has to clear 1 by two fifths of its lower arm (:data:`CLEARANCE`). With that, simulated
A/A comparisons of 3 to 60 rounds, under every kind of noise in `tests/timing`, were promoted in less than 1 %
of the cases with a noise ratio of 1.005, and in less than half a per cent with a measured one.
"""

from __future__ import annotations

import math
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


CLEARANCE = 0.4
"""How far above a ratio the interval must begin, as a share of the distance from its low end to the
estimate (on the scale of logarithms)."""


def clears(speedup: Speedup, ratio: float) -> bool:
    """Whether the interval of `speedup` lies above `ratio` with the clearance that a promotion needs."""
    if not speedup.low > ratio:
        return False
    return math.log(speedup.low / ratio) > CLEARANCE * math.log(speedup.estimate / speedup.low)


def is_promoted(speedup: Speedup, noise: Noise) -> bool:
    """Whether `b` may replace `a`: interval clearly above 1, estimate above the noise of the machine."""
    return clears(speedup, 1.0) and speedup.estimate > noise.ratio


def claim(speedup: Speedup, noise: Noise) -> Claim:
    """What may be said of `b`, no more than the samples bear."""
    if is_promoted(speedup, noise):
        return Claim.FASTER
    if speedup.high < 1 and speedup.estimate * noise.ratio < 1:
        return Claim.SLOWER
    if speedup.low * noise.ratio >= 1 and speedup.high <= noise.ratio:
        return Claim.EQUAL
    return Claim.UNDECIDED
