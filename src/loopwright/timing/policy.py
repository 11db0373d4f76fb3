"""When to stop sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from loopwright.core.timing import Speedup
from loopwright.timing.looks import Looks
from loopwright.timing.promotion import clears

OVERRUN = 2.0
"""When this many budgets have gone even a round under way is given up, unless it is the first."""


@dataclass(frozen=True)
class Policy:
    """How long to sample, and when it is enough.

    Attributes:
        warmup: executions of each side and case that are not recorded, before the first round.
        min_rounds: rounds before the first look at an interval. Four rounds are the fewest at which an
            early look can have one without spending more than its share of the error.
        max_rounds: rounds after which sampling ends in any case.
        budget_s: seconds, warm-up included. No round is begun that would end later, but one is always made,
            and until there are `min_rounds`, and enough for any interval at all, the budget may be overrun
            :data:`OVERRUN` times: with fewer a single disturbed execution decides.
        target_halfwidth: stop when the interval is at most this wide to either side, relative to the
            estimate (0.01: plus or minus 1 %). 0: never for this reason.
        decide_at: stop when the interval lies wholly below this speedup, or above it with the clearance of a
            promotion; 1.0 for a promotion trial. None: never for this reason (a timing to be published).
        hopeless: stop as long as there is no interval yet when each of at least two rounds shows `b` more
            than this many times slower. Claims nothing but "not faster". None: never. Needs `decide_at`.
        confidence: of the interval, whatever the reason to stop.
    """

    warmup: int = 1
    min_rounds: int = 4
    max_rounds: int = 60
    budget_s: float = 60.0
    target_halfwidth: float = 0.01
    decide_at: float | None = 1.0
    hopeless: float | None = 1.5
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.warmup < 0:
            raise ValueError(f"warmup is a number of executions, not {self.warmup}")
        if not 1 <= self.min_rounds <= self.max_rounds:
            raise ValueError(f"need 1 <= min_rounds <= max_rounds, not {self.min_rounds}, {self.max_rounds}")
        if not self.budget_s > 0:
            raise ValueError(f"budget_s is a positive number of seconds, not {self.budget_s}")
        if not 0 <= self.target_halfwidth < 1:
            raise ValueError(f"target_halfwidth lies in [0, 1), not {self.target_halfwidth}")
        if self.decide_at is not None and not 0 < self.decide_at < math.inf:
            raise ValueError(f"decide_at is a positive ratio, not {self.decide_at}")
        if self.hopeless is not None and not self.hopeless > 1:
            raise ValueError(f"hopeless is a ratio above 1, not {self.hopeless}")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, not {self.confidence}")

    @cached_property
    def looks(self) -> Looks:
        """At which numbers of rounds the interval may be looked at, and with which error."""
        return Looks(self.min_rounds, self.max_rounds, self.confidence)

    def verdict(self, speedup: Speedup) -> str:
        """Why an early look at `speedup` ends the sampling: "decided", "precise", or "" to go on."""
        if self.decide_at is not None and (speedup.high < self.decide_at or clears(speedup, self.decide_at)):
            return "decided"
        widest = max(speedup.high - speedup.estimate, speedup.estimate - speedup.low)
        target = self.target_halfwidth * speedup.estimate
        return "precise" if target > 0 and widest <= target else ""
