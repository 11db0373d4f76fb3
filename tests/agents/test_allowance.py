"""What a command-line agent may still use: judged before each call, one call after the other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gateway_client import ask, bridge

from loopwright.agents.allowance import Allowance
from loopwright.agents.gateway import Gateway, ProviderCall, Upstream
from loopwright.core.errors import UsageError
from loopwright.core.run import Budget
from loopwright.models.loopback import LoopbackServer, Say
from loopwright.models.model import Usage
from loopwright.models.prices import Price
from loopwright.workbench.bench import Workbench
from loopwright.workbench.journal import Event
from loopwright.workbench.spending import spending

CHAT = "/v1/chat/completions"
PRICES = {"known": Price(1000.0, 2000.0)}


@dataclass
class Journal:
    events: list[Event] = field(default_factory=list)

    def write(self, kind: str, **data: Any) -> None:
        self.events.append(Event(len(self.events), kind, 0.0, "", data))


def allowance(budget: Budget, remaining_s: float | None = 60.0) -> Allowance:
    bench = SimpleNamespace(
        settings=SimpleNamespace(budget=budget), journal=Journal(), remaining_s=remaining_s
    )
    return Allowance(cast(Workbench, bench), PRICES.get)


def call(allowed: Allowance, model: str = "known") -> None:
    allowed.record(ProviderCall(CHAT, 200, 0.1, model, Usage(100, 50)))


def test_money_is_counted_by_the_price_of_the_model_that_was_asked() -> None:
    allowed = allowance(Budget(None, cost_usd=0.35))
    assert allowed.refusal(CHAT, "known") == ""
    call(allowed)
    assert allowed.refusal(CHAT, "known") == "", "0.20 of 0.35 US dollars"
    call(allowed)
    assert "0.4000 of 0.35 US dollars" in allowed.refusal(CHAT, "known")
    spent = spending(allowed.bench.journal.events)
    assert spent is not None and (spent.calls, spent.tokens) == (2, 300)
    assert spent.cost_usd == pytest.approx(0.4)


def test_with_a_budget_of_money_every_price_has_to_be_known() -> None:
    allowed = allowance(Budget(None, cost_usd=5.0))
    assert "price of another is not known" in allowed.refusal(CHAT, "another")
    assert "price of no model" in allowed.refusal(CHAT, "")
    call(allowed, "another")
    assert "an unknown part of 5 US dollars" in allowed.refusal(CHAT, "known")
    assert allowance(Budget(None)).refusal(CHAT, "another") == ""


def test_a_call_that_wrote_nothing_costs_nothing_whatever_the_price() -> None:
    allowed = allowance(Budget(None, cost_usd=5.0))
    allowed.record(ProviderCall(CHAT, 429, 0.1, "another"))
    assert allowed.refusal(CHAT, "known") == ""


@pytest.mark.parametrize("budget", [Budget(None, tokens=1000), Budget(None, cost_usd=1.0)])
def test_what_is_not_counted_is_refused_where_there_is_a_budget(budget: Budget) -> None:
    allowed = allowance(budget)
    assert "not counted" in allowed.refusal("/v1/images/generations", "known")
    assert "not counted" in allowed.refusal("/v1/batches", "")
    assert allowed.refusal("/v1/models?limit=3", "") == allowed.refusal("/v1/messages/count_tokens", "") == ""
    assert allowance(Budget(None)).refusal("/v1/images/generations", "") == ""


def test_tokens_and_time_end_it_too() -> None:
    allowed = allowance(Budget(None, tokens=150))
    call(allowed, "another")
    assert "150 of 150 tokens" in allowed.refusal(CHAT, "known")
    assert "9 s" in allowance(Budget(9.0), remaining_s=0.0).refusal(CHAT, "known")


def test_the_steps_of_an_agent_are_its_calls() -> None:
    allowed = allowance(Budget(None, calls=2))
    assert allowed.is_limited, "calls at the same time would be too many"
    for _ in range(2):
        assert allowed.refusal(CHAT, "another") == ""
        call(allowed, "another")
    assert "2 of 2 calls" in allowed.refusal(CHAT, "another")
    assert allowed.refusal("/v1/models", "") == "", "what costs nothing is no step"


def test_requests_at_the_same_time_overspend_by_one_call_at_most(tmp_path: Path) -> None:
    allowed = allowance(Budget(None, tokens=200))
    together = threading.Barrier(6)
    with LoopbackServer([Say("words")] * 20) as server:
        upstream = Upstream(f"{server.url}/v1", {})
        with Gateway(
            tmp_path / "g", upstream, allowed.refusal, allowed.record, one_at_a_time=allowed.is_limited
        ):
            url = f"http://127.0.0.1:{bridge(tmp_path / 'g')}{CHAT}"

            def one(_: int) -> int:
                together.wait()
                return ask(url, {})[0]

            with ThreadPoolExecutor(6) as pool:
                statuses = sorted(pool.map(one, range(6)))
    assert statuses == [200, 200, 400, 400, 400, 400], "150 tokens a call"


def test_a_budget_of_money_needs_a_price_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loopwright.agents.registry import find_agent
    from loopwright.workbench.settings import ModelOptions, Settings

    program = tmp_path / "codex"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdefghij")
    monkeypatch.delenv("LOOPWRIGHT_PRICES", raising=False)

    def made(agent: str, base_url: str | None = None) -> str:
        return find_agent(Settings(agent, budget=Budget(cost_usd=1.0), model=ModelOptions(base_url))).name

    assert made("codex:gpt-4.1") == "codex:gpt-4.1"
    with pytest.raises(UsageError, match="the price of codex:model-of-tomorrow is not known") as raised:
        made("codex:model-of-tomorrow")
    assert "--tokens" in raised.value.hint
    with pytest.raises(UsageError, match="the model that codex chooses is not known"):
        made("codex")
    own = "http://127.0.0.1:9/v1"
    with pytest.raises(UsageError, match="not known"):
        made("codex:gpt-4.1", own)
    prices = tmp_path / "prices.toml"
    prices.write_text('[openai]\n"mine" = { input = 0, output = 0 }\n')
    monkeypatch.setenv("LOOPWRIGHT_PRICES", str(prices))
    assert made("codex:mine", own) == "codex:mine", "a price of one's own is for a server of one's own"
    with pytest.raises(UsageError, match="not known"):
        made("codex:gpt-4.1", own)
