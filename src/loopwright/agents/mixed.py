"""A model and the built-in optimiser at one workbench: ideas, and proved moves as further edits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.agents.builtin import MoveProposer
from loopwright.agents.model_proposer import ModelProposer
from loopwright.agents.strategies.turns import in_turn
from loopwright.core.candidate import Candidate, Edit
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class ModelWithMoves:
    """Edits of both by turns, the model's first. When one of them has no more, the other goes on."""

    model: ModelProposer
    moves: MoveProposer

    def propose(self, parent: Candidate, bench: Workbench) -> Iterator[Edit]:
        """Edits of `parent`."""
        lines = [in_turn(proposer, parent, bench) for proposer in (self.model, self.moves)]
        while lines:
            for line in tuple(lines):
                edit = next(line, None)
                if edit is None:
                    lines.remove(line)
                else:
                    yield edit

    def cross(self, first: Candidate, second: Candidate, bench: Workbench) -> Iterator[Edit]:
        """The model writes the child of two candidates."""
        yield from self.model.cross(first, second, bench)
