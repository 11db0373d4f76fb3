"""The same budget for every strategy: none spends more than one call or one evaluation too much."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from instant import CALL_S, Chatty, InstantBench, another_idea, marked
from model_runs import another

from loopwright.agents.model_agent import ModelAgent
from loopwright.agents.registry import STRATEGIES, find_agent
from loopwright.agents.strategies.translate import Translate
from loopwright.core.run import Budget
from loopwright.workbench.bench import BudgetSpent
from loopwright.workbench.journal import read_journal

LIMITS = {
    "evaluations": Budget(None, evaluations=6),
    "tokens": Budget(None, tokens=7_000),
    "money": Budget(None, cost_usd=0.055),
    "wall time": Budget(6000.0),
    "calls": Budget(None, calls=5),
}
SLACK_S = CALL_S / 2
"""Between looking at the clock and writing down that something begins, real time passes, too."""


def searched(
    run: Path, monkeypatch: pytest.MonkeyPatch, *, translates: bool = False
) -> tuple[InstantBench, Chatty, float]:
    """The bench after a search with a model that never runs out of ideas, and when the time was up."""
    model = Chatty(another_idea)
    monkeypatch.setattr("loopwright.agents.model_agent.find_model", lambda *a, **k: model)
    bench = InstantBench(run, marked)
    model.bench = bench
    deadline_s = bench.journal.run_s + (bench.remaining_s or 1e9)
    agent = find_agent(bench.settings)
    if translates:
        assert isinstance(agent, ModelAgent)
        agent = replace(agent, strategy=Translate())
    try:
        agent.work(bench)
    except BudgetSpent as spent:
        bench.journal.write("budget-spent", reason=str(spent))
    bench.close()
    return bench, model, deadline_s


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("strategy", [*STRATEGIES, "translate"])
def test_no_strategy_overspends_with_a_model(
    strategy: str, limit: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = LIMITS[limit]
    if budget.wall_s is not None:
        budget = Budget(read_journal(prepared / "journal.jsonl")[-1].run_s + budget.wall_s)
    named = strategy if strategy in STRATEGIES else "refine"
    run = another(prepared, tmp_path, "model:echo/echo", budget=budget, strategy=named)
    bench, model, deadline_s = searched(run, monkeypatch, translates=strategy == "translate")
    events = read_journal(run / "journal.jsonl")
    calls = [e for e in events if e.kind == "model-call"]
    assert calls and bench.evaluations
    assert any(e.kind == "budget-spent" for e in events), "the budget has to be what ended it"
    if budget.evaluations is not None:
        assert len(bench.evaluations) == budget.evaluations
        last = max(e.number for e in events if e.kind == "evaluation")
        assert all(call.number < last for call in calls), "a call whose answer nobody could have judged"
    if budget.tokens is not None:
        assert all(call.data["spent"]["tokens"] < budget.tokens for call in calls[:-1])
        assert all(request.most_tokens <= budget.tokens for request in model.asked)
    if budget.cost_usd is not None:
        assert all(call.data["spent"]["cost_usd"] < budget.cost_usd for call in calls[:-1])
        assert calls[-1].data["spent"]["cost_usd"] >= budget.cost_usd
    if budget.calls is not None:
        assert len(calls) == budget.calls
    if budget.wall_s is not None:
        begun = [e.run_s for e in events if e.kind == "evaluating"] + [c.run_s - CALL_S for c in calls]
        assert max(begun) < deadline_s + SLACK_S
        assert all(request.timeout_s <= deadline_s for request in model.asked)


@pytest.mark.parametrize("limit", ["evaluations", "wall time"])
@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"roles"}))
def test_no_strategy_overspends_with_moves(strategy: str, limit: str, prepared: Path, tmp_path: Path) -> None:
    budget = Budget(None, evaluations=2)
    if limit == "wall time":
        budget = Budget(read_journal(prepared / "journal.jsonl")[-1].run_s + 2000.0)
    run = another(prepared, tmp_path, "builtin", budget=budget, strategy=strategy)
    bench = InstantBench(run, marked)
    deadline_s = bench.journal.run_s + (bench.remaining_s or 1e9)
    with pytest.raises(BudgetSpent) if limit == "evaluations" else contextlib.suppress(BudgetSpent):
        find_agent(bench.settings).work(bench)
    bench.close()
    assert len(bench.evaluations) <= (budget.evaluations or 99)
    begun = [e.run_s for e in read_journal(run / "journal.jsonl") if e.kind == "evaluating"]
    assert begun and max(begun) < deadline_s + SLACK_S
