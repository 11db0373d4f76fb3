"""How a strategy takes edits one by one: cheap ones by turns, dear ones as they are made."""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.agents.agent import Proposer, Repeater
from loopwright.agents.strategies.looks import diverse
from loopwright.core.candidate import Candidate, Edit
from loopwright.workbench.bench import Workbench


def in_turn(proposer: Proposer, parent: Candidate, bench: Workbench) -> Iterator[Edit]:
    """Edits of `parent`. Cheap guesses come so that loops and kinds of edits take turns; a dear one is made
    when it is asked for, so that the one before it can be judged first, and repaired.
    """
    edits = proposer.propose(parent, bench)
    return iter(diverse(edits)) if isinstance(proposer, Repeater) else iter(edits)
