"""Beam search: several candidates are extended side by side, so that a good start hides no better one.

B. Lowerre, "The HARPY speech recognition system", 1976; the width bounds what is kept of each level.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from loopwright.agents.agent import Proposer
from loopwright.agents.strategies.looks import WORTH, Climber, glance
from loopwright.agents.strategies.turns import in_turn
from loopwright.core.candidate import Candidate
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class Beam:
    """Keeps the `width` best candidates of each level by their first looks, `looks` edits for each of them.

    The best of a level is timed by the full rule. The search ends when a level is no better than the one
    before it.
    """

    width: int = 3
    looks: int = 6
    name: str = "beam"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Level by level."""
        climber = Climber.at_original(bench)
        level: list[Candidate] = [climber.best]
        reached = climber.reached
        while level:
            found: dict[str, tuple[float, Candidate]] = {}
            for parent in level:
                for edit in islice(in_turn(proposer, parent, bench), self.looks):
                    if climber.is_late(parent.edited(edit)):
                        break
                    estimate = glance(bench, parent, edit)
                    if estimate is not None:
                        child = parent.edited(edit)
                        found.setdefault(child.id, (estimate, child))
            ranked = sorted(found.values(), key=lambda item: -item[0])[: self.width]
            if not ranked or ranked[0][0] < WORTH * reached:
                return
            reached = ranked[0][0]
            level = [candidate for _, candidate in ranked]
            climber.tries(level[0])
