"""Monte-Carlo tree search over sequences of edits.

Nodes are candidates, moves are edits in the proposer's order. A node is chosen by its upper confidence
bound (L. Kocsis and C. Szepesvari, "Bandit based Monte-Carlo planning", ECML 2006) over the best speedup
found below it, and gets another child while it has fewer than its visits allow (progressive widening:
R. Coulom, "Computing Elo ratings of move patterns in the game of Go", 2007). A candidate's own first look
stands for a playout: unlike a game, every position has a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from loopwright.agents.agent import Proposer
from loopwright.agents.strategies.looks import WORTH, Climber, glance
from loopwright.agents.strategies.turns import in_turn
from loopwright.core.candidate import Candidate, Edit
from loopwright.workbench.bench import Workbench


@dataclass
class _Node:
    """A candidate with what was found below it. `best` is the logarithm of the best speedup."""

    candidate: Candidate
    best: float
    visits: int = 1
    children: list[_Node] = field(default_factory=list)
    untried: Iterator[Edit] | None = None
    closed: bool = False
    """It will get no further child."""

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to try below it."""
        return self.closed and all(child.exhausted for child in self.children)


@dataclass(frozen=True)
class Mcts:
    """`exploration` weighs what was seldom visited, on the scale of logarithms of speedups; the search ends
    after `patience` looks without a better candidate.
    """

    exploration: float = 0.3
    widening: float = 1.5
    patience: int = 24
    name: str = "mcts"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Look by look; what looks better than the best is timed by the full rule."""
        climber = Climber.at_original(bench)
        root = _Node(climber.best, math.log(climber.reached))
        known = {root.candidate.id}
        waited = 0
        while waited < self.patience and not root.exhausted:
            path = self._path(root, bench, proposer)
            edit = next(path[-1].untried, None) if path[-1].untried is not None else None
            if edit is None:
                path[-1].closed = True
                continue
            child = path[-1].candidate.edited(edit)
            if child.id in known:
                continue
            known.add(child.id)
            estimate = glance(bench, path[-1].candidate, edit)
            waited += 1
            if estimate is None:
                continue
            value = math.log(estimate)
            path[-1].children.append(_Node(child, value))
            for node in path:
                node.visits += 1
                node.best = max(node.best, value)
            if estimate > WORTH * climber.reached and climber.tries(child):
                waited = 0

    def _path(self, root: _Node, bench: Workbench, proposer: Proposer) -> list[_Node]:
        """From the root down to the node that gets the next child."""
        path = [root]
        while True:
            node = path[-1]
            if node.untried is None:
                node.untried = in_turn(proposer, node.candidate, bench)
            open_ = [child for child in node.children if not child.exhausted]
            widens = not node.closed and len(node.children) < self.widening * math.sqrt(node.visits)
            if widens or not open_:
                return path
            path.append(max(open_, key=lambda child: self._bound(child, node.visits)))

    def _bound(self, child: _Node, visits: int) -> float:
        return child.best + self.exploration * math.sqrt(math.log(visits + 1) / child.visits)
