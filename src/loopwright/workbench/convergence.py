"""How soon a search got where it got: evaluations and seconds until 90 % of the final speedup. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.core.run import Evaluation

SHARE = 0.9


@dataclass(frozen=True)
class Reached:
    """The speedup that was asked for, and what it took to have a promoted candidate with it.

    `evaluations` counts every candidate that was judged until then, `elapsed_s` is the run's time.
    """

    speedup: float
    evaluations: int
    elapsed_s: float


def reached(evaluations: Sequence[Evaluation], *, share: float = SHARE) -> Reached | None:
    """When a run had `share` of the best speedup that it promoted; None when it promoted nothing.

    The speedups are those of the search, chained from best to best; the last timing is not part of it.
    ValueError when `share` is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share lies in (0, 1], not {share}")
    promoted = [(e, e.speedup.estimate) for e in evaluations if e.promoted and e.speedup is not None]
    if not promoted:
        return None
    wanted = share * max(estimate for _, estimate in promoted)
    first = min((e for e, estimate in promoted if estimate >= wanted), key=lambda e: e.at_s)
    # A trial has the number of the glance before it: what was looked at in between counts too.
    judged = max(e.number for e in evaluations if e.at_s <= first.at_s)
    return Reached(wanted, judged, first.at_s)
