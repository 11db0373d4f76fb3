"""How long the workbench samples: one policy a purpose, scaled by what one execution takes.

Few rounds settle a clear win; the budgets leave room for enough rounds of a program of a minute.
"""

from __future__ import annotations

from dataclasses import replace

from loopwright.timing.policy import Policy

_EXECUTIONS_OF_A_ROUND = 4
_ROUNDS_ALLOWED = 8
_WARM_S = 0.5
"""An execution this long needs no warm-up, and a single round of them says enough for the record."""
_FOUR_ROUNDS = 20
"""Executions in four rounds, with the warm-up and some room."""


def baseline_policy(execution_s: float) -> Policy:
    """The variants of the original against each other: which one is faster, roughly how much.

    Four rounds of a long program have to do: what comes after them is worth more of the time.
    """
    return Policy(
        min_rounds=4,
        max_rounds=8,
        budget_s=max(8.0, _FOUR_ROUNDS * execution_s),
        target_halfwidth=0.03,
        hopeless=None,
    )


def trial_policy(execution_s: float) -> Policy:
    """A candidate against the incumbent: stop as soon as it is decided."""
    return Policy(
        warmup=_warmup(execution_s),
        min_rounds=4,
        max_rounds=24,
        budget_s=_budget(15.0, execution_s),
        target_halfwidth=0.01,
    )


def report_policy(execution_s: float) -> Policy:
    """What is for the record only: two rounds, and one where that is long enough."""
    rounds = 1 if execution_s > _WARM_S else 2
    return replace(glance_policy(execution_s), min_rounds=rounds, max_rounds=rounds)


def glance_policy(execution_s: float) -> Policy:
    """A first look at a candidate: one round, enough to tell good guesses from bad ones."""
    return Policy(
        warmup=0,
        min_rounds=1,
        max_rounds=1,
        budget_s=_budget(15.0, execution_s),
        decide_at=None,
        hopeless=None,
    )


def final_policy(execution_s: float) -> Policy:
    """The winner against the original, to be published."""
    return Policy(
        min_rounds=6,
        max_rounds=40,
        budget_s=_budget(20.0, execution_s),
        target_halfwidth=0.01,
        decide_at=None,
        hopeless=None,
    )


def held_out_policy(execution_s: float) -> Policy:
    """The winner at sizes that the run did not see: enough to tell whether the gain is still there."""
    return Policy(
        min_rounds=4,
        max_rounds=12,
        budget_s=_budget(8.0, execution_s),
        target_halfwidth=0.05,
        decide_at=None,
        hopeless=None,
    )


def _warmup(execution_s: float) -> int:
    """What the first execution of a program has to wait for and later ones have not is milliseconds; it ran
    for the gates, too.
    """
    return 0 if execution_s > _WARM_S else 1


def _budget(least_s: float, execution_s: float) -> float:
    return max(least_s, _ROUNDS_ALLOWED * _EXECUTIONS_OF_A_ROUND * execution_s)
