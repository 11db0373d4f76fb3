"""Refine: extend the best candidate until no proposed edit improves it."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.agents.agent import Proposer
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class Refine:
    """Evaluate the edits of the best candidate in their order; start over from each new best one."""

    name: str = "refine"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Climb until a whole list of edits brought nothing."""
        improved = True
        while improved:
            improved = False
            parent = bench.best
            for edit in proposer.propose(parent, bench):
                if bench.evaluate(parent.edited(edit)).promoted:
                    improved = True
                    break
