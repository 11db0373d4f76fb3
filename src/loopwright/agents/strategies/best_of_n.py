"""Best-of-n: evaluate the first n edits of the original and keep the best."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from loopwright.agents.agent import Proposer
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class BestOfN:
    """Independent attempts at the original. `n` is their number."""

    n: int = 8
    name: str = "best-of-n"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Evaluate each attempt; the workbench remembers which one won."""
        for edit in islice(proposer.propose(bench.original, bench), self.n):
            bench.evaluate(bench.original.edited(edit))
