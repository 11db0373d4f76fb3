"""How soon a search got where it got: evaluations and seconds until 90 % of the final speedup. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.core.run import Evaluation

SHARE = 0.9


@dataclass(frozen=True)
class Step:
    """One candidate of a search: its number, when its evaluation ended in seconds of the run, its speedup
    over the baseline (None when it failed before it was timed), and whether it became the best.
    """

    number: int
    at_s: float
    speedup: float | None
    promoted: bool


@dataclass(frozen=True)
class Reached:
    """The speedup that was asked for, and what it took to have a promoted candidate with it.

    `evaluations` counts every candidate that was judged until then, `of_evaluations` those of the whole
    search; `elapsed_s` is the run's time.
    """

    speedup: float
    evaluations: int
    elapsed_s: float
    of_evaluations: int = 0


def step_of(evaluation: Evaluation) -> Step:
    """What convergence is judged by."""
    speedup = None if evaluation.speedup is None else evaluation.speedup.estimate
    return Step(evaluation.number, evaluation.at_s, speedup, evaluation.promoted)


def promotions(steps: Sequence[Step]) -> list[tuple[Step, float]]:
    """The steps that became the best of their moment, with their speedups, by time."""
    found = [(step, step.speedup) for step in steps if step.promoted and step.speedup is not None]
    return sorted(found, key=lambda pair: pair[0].at_s)


def judged_until(steps: Sequence[Step], at_s: float) -> int:
    """How many candidates were judged by then. A trial has the number of the glance before it: what was
    looked at in between counts too.
    """
    return max((step.number for step in steps if step.at_s <= at_s), default=0)


def reached(steps: Sequence[Step], *, share: float = SHARE) -> Reached | None:
    """When a search had `share` of the speedup of what it promoted last; None when it promoted nothing.

    The speedups are those of the search, chained from best to best; the last timing is not part of it.
    ValueError when `share` is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share lies in (0, 1], not {share}")
    promoted = promotions(steps)
    if not promoted:
        return None
    wanted = share * promoted[-1][1]
    first = next(step for step, speedup in promoted if speedup >= wanted)
    judged = judged_until(steps, first.at_s)
    return Reached(wanted, judged, first.at_s, max(step.number for step in steps))
