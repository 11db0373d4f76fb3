"""Strategies over a model: moves beside its ideas, children of two parents, resuming without paying twice."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from instant import Chatty, InstantBench, another_idea, marked
from model_runs import another

from loopwright.agents.registry import STRATEGIES, find_agent
from loopwright.core.run import Budget
from loopwright.workbench.bench import BudgetSpent
from loopwright.workbench.journal import Event, read_journal

Ideas = Callable[[str, int], str]


def search(
    run: Path, monkeypatch: pytest.MonkeyPatch, ideas: Ideas = another_idea, *, resumable: bool = False
) -> tuple[Chatty, list[Event]]:
    """The model as it was asked in this session, and the whole journal after it."""
    model = Chatty(ideas)

    def opened(name: str, *, base_url: str | None = None, used: int = 0) -> Chatty:
        model.made = used
        return model

    monkeypatch.setattr("loopwright.agents.model_agent.find_model", opened)
    bench = InstantBench(run, marked, resumable=resumable)
    model.bench = bench
    with contextlib.suppress(BudgetSpent):
        find_agent(bench.settings).work(bench)
    bench.close()
    return model, list(read_journal(run / "journal.jsonl"))


def way(events: list[Event]) -> list[tuple[str, str]]:
    """What was asked and judged, in order."""
    told = {"model-call": "digest", "evaluating": "candidate"}
    return [(e.kind, e.data[told[e.kind]]) for e in events if e.kind in told]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(
    strategy: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = another(
        prepared, tmp_path, "model:echo/echo", budget=Budget(None, evaluations=7), strategy=strategy
    )
    _, expected = search(whole, monkeypatch, resumable=True)
    run = another(
        prepared, tmp_path, "model:echo/echo", budget=Budget(None, evaluations=3), strategy=strategy
    )
    search(run, monkeypatch, resumable=True)
    frozen = json.loads((run / "run.json").read_text())
    frozen["settings"]["budget"]["evaluations"] = 7
    (run / "run.json").write_text(json.dumps(frozen))
    _, events = search(run, monkeypatch, resumable=True)
    assert len(way(expected)) > 7 and way(events) == way(expected)


def test_tree_search_with_a_model_takes_legal_moves_too(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(None, evaluations=8)
    run = another(prepared, tmp_path, "model:echo/echo", budget=budget, strategy="mcts")
    model, events = search(run, monkeypatch)
    details = [e.data["details"] for e in events if e.kind == "evaluating"]
    assert any("move" in d for d in details) and any("stage" in d for d in details)
    assert "stage" in details[0], "the model's idea comes first"
    # A version that a move made is refined by the model, and the other way round.
    made_by = {e.data["candidate"]: e.data["details"] for e in events if e.kind == "evaluating"}
    pairs = {
        ("move" in made_by[e.data["parent"]], "move" in e.data["details"])
        for e in events
        if e.kind == "evaluating" and e.data["parent"] in made_by
    }
    assert (True, False) in pairs or (False, True) in pairs
    assert len(model.asked) < 2 * 8, "one question for each idea, not a list of them for each version"


@pytest.mark.parametrize("strategy", ["mcts", "evolve"])
def test_moves_go_on_when_the_model_has_nothing_to_say(
    strategy: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(None, evaluations=6)
    run = another(prepared, tmp_path, "model:echo/echo", budget=budget, strategy=strategy)
    _, events = search(run, monkeypatch, lambda prompt, number: "STOP: no idea")
    details = [e.data["details"] for e in events if e.kind == "evaluating"]
    assert details and all("move" in d for d in details)
    assert any(e.kind == "agent-stop" and "no idea" in e.data["reason"] for e in events)


def test_one_child_is_asked_of_two_parents_and_their_differences(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(None, evaluations=20)
    run = another(prepared, tmp_path, "model:echo/echo", budget=budget, strategy="evolve")
    _, events = search(run, monkeypatch)
    asked = [e for e in events if e.kind == "model-call" and e.data["stage"] == "cross"]
    assert asked, "no crossover in twenty children"
    children = [
        e.data for e in events if e.kind == "evaluating" and e.data["details"].get("stage") == "cross"
    ]
    assert children
    for child in children:
        assert child["details"]["crossed_with"] not in ("", child["parent"], child["candidate"])
    prompt = (run / asked[0].data["prompt"]).read_text()
    first, second = prompt.split("The second parent")
    assert "+/* idea" in first or "+#pragma omp" in first
    assert second.startswith(" (") and ("+/* idea" in second or "+#pragma omp" in second)
    assert "0000001021" not in prompt and "secret-size" not in prompt


def test_the_seed_is_the_runs(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ways = []
    for seed in (1, 1, 5):
        budget = Budget(None, evaluations=10)
        run = another(prepared, tmp_path, "builtin", budget=budget, strategy="evolve")
        frozen = json.loads((run / "run.json").read_text())
        frozen["settings"]["seed"] = seed
        (run / "run.json").write_text(json.dumps(frozen))
        ways.append(way(search(run, monkeypatch)[1]))
    assert ways[0] == ways[1] != ways[2]
