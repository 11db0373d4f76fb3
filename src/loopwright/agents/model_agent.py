"""A language model as an agent: `--agent model:PROVIDER/NAME`, under any strategy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loopwright.agents.agent import Proposer, Strategy
from loopwright.agents.asked import AskedBench
from loopwright.agents.builtin import MoveProposer
from loopwright.agents.memory import offered
from loopwright.agents.mixed import ModelWithMoves
from loopwright.agents.model_calls import Calls
from loopwright.agents.model_proposer import ModelProposer
from loopwright.agents.model_roles import ModelTeam
from loopwright.agents.strategies.roles import Roles
from loopwright.core.errors import UsageError
from loopwright.core.run import Budget
from loopwright.models.model import Model
from loopwright.models.prices import unpriced
from loopwright.models.registry import FROM_FILES, find_model
from loopwright.models.templates import check_syntax, parse_tier
from loopwright.workbench.bench import Workbench
from loopwright.workbench.settings import ModelOptions

_WITH_MOVES = ("mcts", "evolve")
"""Strategies that look at many versions: there proved moves, which cost no tokens, stand beside the ideas."""


@dataclass(frozen=True)
class ModelAgent:
    """A model with a strategy. What is wrong with it is said when it is made, before anything is measured.

    Raises when made:
        UsageError: unknown model or tier, no key, no such prompts, a budget of money without a price.
        ToolMissing: when the library for it is not installed.
    """

    model: str
    strategy: Strategy
    options: ModelOptions
    budget: Budget

    def __post_init__(self) -> None:
        parse_tier(self.options.tier)
        if self.options.prompts is not None:
            if not (prompts := Path(self.options.prompts)).is_dir():
                raise UsageError("not a folder of prompts", where=self.options.prompts, hint="--prompts DIR")
            check_syntax(prompts)
        model = self._open(0)
        if self.budget.cost_usd is not None and not model.is_priced:
            raise unpriced(model.name)

    @property
    def name(self) -> str:
        """As on the command line; files by their full path, so that a run can be resumed from anywhere."""
        kind, _, rest = self.model.partition("/")
        return f"model:{kind}/{Path(rest).resolve()}" if kind in FROM_FILES else f"model:{self.model}"

    @property
    def runs_unread_code(self) -> bool:
        """Nobody has read what a model writes."""
        return True

    def work(self, bench: Workbench) -> None:
        """Search until the model stops or the budget is spent."""
        asked = AskedBench(bench)
        independent = self.strategy.name == "best-of-n"
        proposer = ModelProposer(
            Calls(bench, self._open), asked, independent=independent, lessons=offered(bench)
        )
        self.strategy.search(asked.as_workbench, self._playing(proposer))

    def _playing(self, proposer: ModelProposer) -> Proposer:
        """The model in the part that the strategy has for it."""
        if self.strategy.name == Roles.name:
            return ModelTeam(proposer)
        return (
            ModelWithMoves(proposer, MoveProposer(proposer.lessons))
            if self.strategy.name in _WITH_MOVES
            else proposer
        )

    def _open(self, used: int) -> Model:
        return find_model(self.model, base_url=self.options.base_url, used=used)
