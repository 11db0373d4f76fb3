"""Roles: a profile reader, a planner, a writer and a tester work on one version after the other.

Each hands what it found to the next, as the people of a team would, and sees no more than it needs. The gates
judge all the same: a tester saves evaluations, it does not replace them.
"""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.agents.agent import Proposer, Team
from loopwright.agents.strategies.looks import Climber
from loopwright.core.candidate import Candidate
from loopwright.core.errors import UsageError
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class Roles:
    """Of each plan at most `steps` are tried; a step that fails is repaired up to `repairs` times. The search
    ends when the planner has no step, or after `patience` plans in a row that brought nothing.
    """

    steps: int = 3
    repairs: int = 2
    patience: int = 2
    name: str = "roles"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """From best to best, each read and planned anew."""
        if not isinstance(proposer, Team):
            raise self.refused("this proposer")
        climber = Climber.at_original(bench)
        waited = 0
        while waited < self.patience:
            parent = climber.best
            steps = proposer.plan(parent, proposer.diagnose(parent, bench), bench)
            if not steps:
                return
            won = any(self._wins(parent, step, climber, proposer) for step in steps[: self.steps])
            waited = 0 if won else waited + 1

    @staticmethod
    def refused(who: str) -> UsageError:
        """The error for who has no parts to play."""
        return UsageError(
            f"{who} has no roles to play: the strategy 'roles' is for language models",
            hint="--agent model:PROVIDER/NAME --strategy roles, or another --strategy",
        )

    def _wins(self, parent: Candidate, step: str, climber: Climber, team: Team) -> bool:
        """Whether one step, written, tested and repaired, became the best."""
        bench = climber.bench
        edit = team.write(parent, parent, step, "", bench)
        if edit is not None and (objections := team.review(parent, edit, step, bench)):
            edit = team.write(parent, parent.edited(edit), step, objections, bench)
        for repair in range(self.repairs + 1):
            if edit is None:
                return False
            candidate = parent.edited(edit)
            if climber.tries(candidate):
                return True
            failure = bench.evaluate(candidate).verdict.failure
            if failure is None or repair == self.repairs:
                return False
            cause = team.explain(candidate, step, failure, bench)
            edit = team.write(parent, candidate, step, cause, bench)
        return False
