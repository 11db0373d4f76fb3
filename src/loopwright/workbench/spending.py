"""What language models used in a run, from its journal: by its own calls, and by those of agents outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loopwright.core.run import Spending
from loopwright.workbench.journal import Event

MODEL_CALL = "model-call"
"""Kind of the journal's events about one question to a model; `answer` or `failure` is what came back."""
PROVIDER_CALL = "provider-call"
"""Kind of the journal's events about one request of a command-line agent to its provider."""


def spending(events: Iterable[Event]) -> Spending | None:
    """The sums over all calls; None when no model was asked."""
    calls = [call for event in events if (call := _call(event)) is not None]
    if not calls:
        return None
    costs = [cost_usd for usage, cost_usd in calls if cost_usd is not None or _tokens(usage)]
    known = [cost_usd for cost_usd in costs if cost_usd is not None]
    return Spending(
        calls=len(calls),
        input_tokens=sum(int(usage.get("input_tokens", 0)) for usage, _ in calls),
        output_tokens=sum(int(usage.get("output_tokens", 0)) for usage, _ in calls),
        cached_tokens=sum(int(usage.get("cached_tokens", 0)) for usage, _ in calls),
        cost_usd=sum(known) if len(known) == len(costs) else None,
        unpriced_calls=len(costs) - len(known),
        estimated=any(usage.get("estimated", False) for usage, _ in calls),
    )


def _call(event: Event) -> tuple[Mapping[str, Any], float | None] | None:
    """(what says how many tokens, what they cost) of an event about a call."""
    if event.kind == MODEL_CALL:
        answer = event.data.get("answer") or event.data.get("failure") or {}
        return answer.get("usage") or {}, answer.get("cost_usd")
    if event.kind == PROVIDER_CALL:
        return event.data, event.data.get("cost_usd")
    return None


def _tokens(usage: Mapping[str, Any]) -> int:
    """A call that failed before anything was written has none, and costs nothing whatever the price."""
    return int(usage.get("input_tokens", 0)) + int(usage.get("output_tokens", 0))
