"""Translate: for a target whose device is not here. Edit after edit that passes, in the proposals' order.

Nothing is timed, so nothing can be compared: every verified edit is kept, and the next ones go on from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.agents.agent import Proposer
from loopwright.core.candidate import Candidate
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class Translate:
    """Goes from the original to the candidate of which no edit passes any more."""

    name: str = "translate"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Until no edit of the last verified candidate passes."""
        parent: Candidate | None = bench.original
        while parent is not None:
            parent = self._extended(parent, bench, proposer)

    def _extended(self, parent: Candidate, bench: Workbench, proposer: Proposer) -> Candidate | None:
        for edit in proposer.propose(parent, bench):
            candidate = parent.edited(edit)
            if bench.evaluate(candidate).verdict.passed:
                return candidate
        return None
