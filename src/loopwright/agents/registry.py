"""Agents and strategies by the names they have on the command line."""

from __future__ import annotations

from loopwright.agents.agent import Agent, Strategy
from loopwright.agents.cli_adapters import ADAPTERS
from loopwright.agents.strategies.beam import Beam
from loopwright.agents.strategies.best_of_n import BestOfN
from loopwright.agents.strategies.evolve import Evolve
from loopwright.agents.strategies.mcts import Mcts
from loopwright.agents.strategies.refine import Refine
from loopwright.agents.strategies.roles import Roles
from loopwright.agents.strategies.translate import Translate
from loopwright.core.errors import UsageError
from loopwright.core.task import Target
from loopwright.tasks.problems import suggestion
from loopwright.workbench.settings import ModelOptions, Settings

STRATEGIES: dict[str, Strategy] = {
    each.name: each for each in (Refine(), BestOfN(), Beam(), Evolve(), Mcts(), Roles())
}
_COMMAND = "cmd:"
_MODEL = "model:"


def find_strategy(name: str) -> Strategy:
    """The strategy called `name`. Raises UsageError when there is none."""
    if name not in STRATEGIES:
        raise UsageError(
            f"unknown strategy {name!r}{suggestion(name, STRATEGIES)}",
            hint=f"--strategy {' | '.join(STRATEGIES)}",
        )
    return STRATEGIES[name]


def find_agent(settings: Settings) -> Agent:
    """The agent that `settings` name. Raises UsageError when there is none."""
    strategy = find_strategy(settings.strategy)
    _check_model_options(settings)
    if settings.target is Target.OFFLOAD or settings.translate:
        # A model knows what to try next on a device; the proved edits need the whole translation first.
        strategy = Translate(None if settings.agent == "builtin" else strategy)
    if settings.agent == "builtin" and settings.translate:
        from loopwright.agents.cuda_translator import CudaTranslator

        return CudaTranslator()
    if settings.agent == "builtin":
        if isinstance(strategy, Roles):
            raise Roles.refused("the built-in optimiser")
        from loopwright.agents.builtin import Builtin

        return Builtin(strategy)
    if settings.agent.startswith(_COMMAND):
        from loopwright.agents.command import CommandAgent

        return CommandAgent(settings.agent.removeprefix(_COMMAND))
    if settings.agent.partition(":")[0] in ADAPTERS:
        from loopwright.agents.cli_agent import CliAgent

        program, _, model = settings.agent.partition(":")
        return CliAgent(ADAPTERS[program], model, settings.model, settings.budget)
    if settings.agent == "mcp":
        from loopwright.agents.desk import Desk

        # Only a run that is resumed is found by this name: its client is gone.
        return Desk(closed=True)
    if settings.agent.startswith(_MODEL):
        from loopwright.agents.model_agent import ModelAgent

        return ModelAgent(settings.agent.removeprefix(_MODEL), strategy, settings.model, settings.budget)
    raise UsageError(
        f"unknown agent {settings.agent!r}{_nearest(settings.agent)}",
        hint=f"--agent builtin, model:PROVIDER/NAME, {', '.join(ADAPTERS)}, "
        "or 'cmd:COMMAND' for a program that edits the files",
    )


def _check_model_options(settings: Settings) -> None:
    """Options that only a model reads are wrong beside an agent that asks none: they would do nothing."""
    if settings.agent not in ("builtin", "mcp") and not settings.agent.startswith(_COMMAND):
        return
    usual = ModelOptions()
    given = {
        "--base-url": settings.model.base_url != usual.base_url,
        "--tier": settings.model.tier != usual.tier,
        "--prompts": settings.model.prompts != usual.prompts,
    }
    if wrong := [option for option, is_given in given.items() if is_given]:
        raise UsageError(
            f"{' and '.join(wrong)} would do nothing: --agent {settings.agent} asks no model",
            hint=f"leave out {' and '.join(wrong)}, or --agent model:PROVIDER/NAME",
        )


def _nearest(agent: str) -> str:
    """What `codx:NAME`, or a provider without its `model:`, may have been meant to be."""
    from loopwright.models.providers import KEYS

    first, _, rest = agent.partition(":")
    provider, slash, _ = agent.partition("/")
    if slash and provider in KEYS:
        return f"; did you mean {_MODEL + agent!r}?"
    if agent.endswith(".sh") or " " in first:
        return f"; did you mean {_COMMAND + agent!r}?"
    near = suggestion(first, ("builtin", "cmd", "model", *ADAPTERS))
    return near.replace("'?", f":{rest}'?") if rest else near
