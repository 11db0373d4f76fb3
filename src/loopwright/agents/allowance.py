"""The budget of a command-line agent: what its calls of the provider may still use, and what they used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from loopwright.agents.gateway import ProviderCall
from loopwright.core.run import Spending
from loopwright.models.prices import Price
from loopwright.models.told_usage import is_counted
from loopwright.workbench.bench import Workbench
from loopwright.workbench.spending import PROVIDER_CALL, spending

_HARMLESS = ("/count_tokens", ":countTokens", "/models")
"""Ends of paths whose answers cost nothing."""


@dataclass(frozen=True)
class Allowance:
    """Of one run; `price` gives that of a model, None when it is not known."""

    bench: Workbench
    price: Callable[[str], Price | None]

    @property
    def is_limited(self) -> bool:
        """Whether there is a budget of tokens, money or calls."""
        budget = self.bench.settings.budget
        return any(limit is not None for limit in (budget.tokens, budget.cost_usd, budget.calls))

    def refusal(self, path: str, model: str) -> str:
        """Why a request is not allowed; empty when it is."""
        budget, spent = self.bench.settings.budget, "the budget of the run is spent"
        if self.bench.remaining_s == 0.0:
            return f"{spent}: {budget.wall_s:g} s"
        if not self.is_limited:
            return ""
        used = spending(self.bench.journal.events) or Spending()
        if budget.tokens is not None and used.tokens >= budget.tokens:
            return f"{spent}: {used.tokens} of {budget.tokens} tokens"
        if not is_counted(path):
            harmless = path.partition("?")[0].endswith(_HARMLESS)
            return "" if harmless else "what this request uses is not counted, and the run has a budget"
        if budget.calls is not None and used.calls >= budget.calls:
            return f"{spent}: {used.calls} of {budget.calls} calls"
        if budget.cost_usd is None:
            return ""
        if self.price(model) is None:
            return f"the price of {model or 'no model'} is not known, and the run has a budget of money"
        if used.cost_usd is None or used.cost_usd >= budget.cost_usd:
            known = "an unknown part" if used.cost_usd is None else f"{used.cost_usd:.4f}"
            return f"{spent}: {known} of {budget.cost_usd:g} US dollars"
        return ""

    def record(self, call: ProviderCall) -> None:
        """Put a call into the journal, with its cost where the price is known."""
        price = self.price(call.model)
        told = {**asdict(call), **asdict(call.usage)}
        del told["usage"]
        cost_usd = price.cost_usd(call.usage) if price is not None else None
        self.bench.journal.write(PROVIDER_CALL, **told, cost_usd=cost_usd)
