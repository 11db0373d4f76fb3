"""Translate: edit after edit that passes, in the proposals' order, for a target whose device is another one.

Where nothing is timed, nothing can be compared: every verified edit is kept, and the next ones go on from it.
Where the device is here, what was translated is timed, and the search goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loopwright.agents.agent import Proposer, Strategy
from loopwright.agents.strategies.looks import Climber, estimate_of
from loopwright.agents.strategies.refine import Refine
from loopwright.core.candidate import Candidate
from loopwright.moves.device_shape import FAMILY as SHAPE
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class Translate:
    """Goes from the original to the candidate of which no edit passes any more.

    With a device, `timed` is the strategy there; None: `tuned` climbs from the translation, and from the
    original if the device did not pay, since a part of it may.
    """

    timed: Strategy | None = None
    tuned: Refine = field(default_factory=Refine)
    name: str = "translate"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Until no edit of the last verified candidate passes, or none makes it faster."""
        if not bench.untimed and self.timed is not None:
            self.timed.search(bench, proposer)
            return
        made = self._translated(bench, proposer)
        if bench.untimed or made is bench.original:
            return
        climber = Climber.at_original(bench)
        if not climber.tries(made):
            climber.best, climber.reached = made, estimate_of(bench.evaluate(made)) or 1.0
        self.tuned.climb(climber, bench, proposer)
        if climber.best is made and climber.reached <= 1.0:
            self.tuned.search(bench, proposer)

    def _translated(self, bench: Workbench, proposer: Proposer) -> Candidate:
        last, found = bench.original, True
        while found:
            found = False
            for edit in proposer.propose(last, bench):
                # The shape of what is on the device already says nothing before that is all there.
                if (edit.details or {}).get("move") == SHAPE:
                    continue
                candidate = last.edited(edit)
                if bench.evaluate(candidate, timed=bool(bench.untimed)).verdict.passed:
                    last, found = candidate, True
                    break
        return last
