"""Looking several times at growing data without fooling oneself: how the error is spent over the looks.

Whoever stops as soon as an interval looks good errs more often than each interval alone says. So sampling may
only stop early at a few numbers of rounds fixed beforehand, and each of them gets a share of the whole
error (Lan and DeMets, Biometrika 70(3), 1983). The shares add up to at most the whole, hence by Bonferroni's
inequality all intervals hold together with the nominal confidence, whatever the reason to stop: they are
repeated confidence intervals (Jennison and Turnbull, J. R. Statist. Soc. B 51(3), 1989).

Early looks share two fifths of the error by the power family of Kim and DeMets (Biometrika 74(1), 1987),
`early * (k / K) ** 0.4`: front-loaded, because most versions are much faster or no faster at all and are
settled at the first look. Each side of the early intervals together errs with at most 1 %, which keeps false
promotions rare. What no early look spent belongs to the last one, at the end of rounds or of time; time
runs out without regard to which side is faster, so that end is no choice made by looking at the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from loopwright.timing.estimate import OBSERVATIONS_A_ROUND, interval_depth, reached_error

EARLY_SHARE = 0.4
_POWER = 0.4
_GROWTH = 1.5


@dataclass(frozen=True)
class Looks:
    """When the rounds may be looked at, and the error of each look.

    Attributes:
        first: number of rounds at the first look, the last of which is at `last`.
        last: number of rounds after which sampling ends in any case.
        confidence: of all the intervals together.
    """

    first: int
    last: int
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last:
            raise ValueError(f"looks from round {self.first} to {self.last}: need 1 <= first <= last")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, not {self.confidence}")

    @cached_property
    def early(self) -> dict[int, float]:
        """Number of rounds to the exact error of the interval there; 0 where none can be had."""
        counts = []
        count = self.first
        while count < self.last:
            counts.append(count)
            count = max(count + 1, int(count * _GROWTH))
        whole = EARLY_SHARE * (1 - self.confidence)
        errors: dict[int, float] = {}
        for number, count in enumerate(counts, start=1):
            due = whole * (number / len(counts)) ** _POWER - sum(errors.values())
            made = OBSERVATIONS_A_ROUND * count
            errors[count] = reached_error(made, interval_depth(made, due))
        return errors

    def at_early_look(self, rounds: int) -> float:
        """The error for an early look at this number of rounds; 0: no early look there."""
        return self.early.get(rounds, 0.0)

    def at_end(self, rounds: int) -> float:
        """The error for the interval when sampling ends at `rounds` for lack of rounds or of time."""
        return 1 - self.confidence - sum(e for count, e in self.early.items() if count < rounds)

    @cached_property
    def fewest_rounds(self) -> int:
        """The smallest number of rounds that can support an interval at all."""
        count = 1
        while not interval_depth(OBSERVATIONS_A_ROUND * count, 1 - self.confidence):
            count += 1
        return count
