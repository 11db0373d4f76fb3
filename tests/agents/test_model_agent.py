"""A language model at the workbench: stages, budget, resuming, and what goes wrong with models."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from model_runs import GOOD, LOOPS, another, calls, edit, go, modes, script, work, write_task

from loopwright import api
from loopwright.agents.registry import find_agent
from loopwright.core.errors import Interrupted, UsageError
from loopwright.core.run import Budget, RunStatus
from loopwright.models.loopback import LoopbackServer, Say, Status
from loopwright.models.model import Trouble
from loopwright.system.bubblewrap import bubblewrap_problem
from loopwright.workbench.bench import BudgetSpent
from loopwright.workbench.journal import read_journal
from loopwright.workbench.settings import Settings

pytestmark = pytest.mark.skipif(
    bool(bubblewrap_problem()), reason="code that nobody has read is only run under bubblewrap"
)
PLAN = "Hoist the exponentials.\n"
STOP = "STOP: nothing better is left"
FAST = "TITLE: weights summed once\n" + edit(LOOPS, GOOD)
BROKEN = "TITLE: broken\n" + edit(LOOPS, "    this is not C;\n")
WRONG = edit("    this is not C;\n", GOOD.replace("x[i] * sum", "x[i] * sum * (1 + 1e-6)"))
SLOW = "TITLE: twice\n" + edit(LOOPS, LOOPS + LOOPS)


@pytest.mark.slow
def test_a_build_error_a_wrong_answer_a_race_a_slow_version_and_a_good_one(
    prepared: Path, tmp_path: Path
) -> None:
    racy = LOOPS.replace("        double s = 0;\n", "        s = 0;\n")
    shared = f"    static volatile double s;\n#pragma omp parallel for schedule(static, 1)\n{racy}"
    race = edit(GOOD.replace("x[i] * sum", "x[i] * sum * (1 + 1e-6)"), shared)
    slow = "TITLE: twice\n" + edit(shared, LOOPS + LOOPS)
    agent = script(tmp_path, PLAN, BROKEN, WRONG, race, edit("no\n", ""), slow, FAST, STOP)
    result, events = go(another(prepared, tmp_path, agent))
    told = modes(events)
    assert told[:2] == ["build_error", "wrong_output"]
    assert told[2] in ("nondeterministic", "thread_dependent", "wrong_output", "data_race")
    assert told[3:] == ["malformed_edit", "pass", "pass"]
    assert result.status is RunStatus.IMPROVED and result.best is not None
    assert result.best.speedup is not None and result.best.speedup.low > 1.5
    assert "weights summed once" in result.best.title
    asked = [c["stage"] for c in calls(events)]
    assert asked == ["plan", "write", "repair", "repair", "repair", "repair", "write", "refine"]
    run = Path(result.directory)
    evidence = sorted(p.name for p in (run / "evidence" / "model").iterdir())
    assert evidence == [f"{n + 1:04d}-{stage}.md" for n, stage in enumerate(asked)]
    original = next(run / "evidence" / c["candidate"] for c in calls(events) if c["stage"] == "plan")
    assert (original / "plan.md").read_text() == PLAN
    assert "proved" in (original / "analysis.md").read_text()
    repair = (run / "evidence" / "model" / "0003-repair.md").read_text()
    assert "build_error" in repair and "weigh.c:6" in repair, "the gate's own evidence goes back"
    assert "became the best" in (run / "evidence" / "model" / "0008-refine.md").read_text()
    for path in (run / "evidence").rglob("*.md"):
        assert "secret-size" not in path.read_text() and "0000001021" not in path.read_text(), (
            "held-out case shown"
        )
    spent = calls(events)[-1]["spent"]
    assert spent["calls"] == len(asked) and spent["tokens"] > 1000 and spent["cost_usd"] == 0.0


def test_a_resumed_run_asks_nothing_twice(prepared: Path, tmp_path: Path) -> None:
    down = ["@@ unavailable\n"] * 5
    agent = script(
        tmp_path, PLAN, BROKEN, "no edit at all", *down, edit("    this is not C;\n", LOOPS + LOOPS), STOP
    )
    run = another(prepared, tmp_path, agent)
    with pytest.raises(Interrupted, match="cannot be reached") as stopped:
        go(run)
    assert stopped.value.exit_status == 130 and "loopwright runs resume" in str(stopped.value)
    result, events = go(run)
    told = [(c["stage"], c["failure"]["trouble"] if c["failure"] else "") for c in calls(events)]
    assert [stage for stage, _ in told] == ["plan", "write", "repair", "repair", "repair", "write"]
    assert [trouble for _, trouble in told] == ["", "", "", Trouble.UNAVAILABLE, "", ""]
    assert modes(events) == ["build_error", "malformed_edit", "pass"], "nothing is judged or counted twice"
    assert calls(events)[3]["failure"]["attempts"] == 5
    assert (result.evaluations, result.status) == (3, RunStatus.NO_GAIN)


def test_echo_never_improves(prepared: Path, tmp_path: Path) -> None:
    result, events = go(another(prepared, tmp_path, "model:echo/echo"))
    assert result.status is RunStatus.NO_GAIN and set(modes(events)) == {"pass"}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["beam", "mcts"])
def test_a_good_idea_wins_under_strategies_that_collect_ideas_first(
    strategy: str, prepared: Path, tmp_path: Path
) -> None:
    agent, few = script(tmp_path, PLAN, SLOW, FAST, STOP), Budget(None, evaluations=6)
    run = another(prepared, tmp_path, agent, strategy=strategy, budget=few)
    with contextlib.suppress(BudgetSpent):  # the tree search would go on with moves for long
        work(run)
    tried = [e.data["evaluation"] for e in read_journal(run / "journal.jsonl") if e.kind == "evaluation"]
    assert "weights summed once" in [e["title"] for e in tried if e["promoted"]]


def test_best_of_n_asks_for_independent_ideas(prepared: Path, tmp_path: Path) -> None:
    other = edit(LOOPS, LOOPS.replace("y[i] = s", "y[i] = s + 0"))
    agent = script(tmp_path, PLAN, SLOW, other, STOP)
    events = work(another(prepared, tmp_path, agent, strategy="best-of-n"))
    writes = [c for c in calls(events) if c["stage"] == "write"]
    assert len(writes) == 3 and len({c["digest"] for c in writes}) == 1, "the same question, no history"


def test_replay_gives_the_recorded_replies_again(prepared: Path, tmp_path: Path) -> None:
    first = another(prepared, tmp_path, script(tmp_path, PLAN, SLOW, STOP))
    events = work(first)
    again = work(another(prepared, tmp_path, f"model:replay/{first}"))
    assert [c["answer"]["text"] for c in calls(again)] == [c["answer"]["text"] for c in calls(events)]
    assert modes(again) == modes(events) == ["pass"]


def test_over_the_wire_and_the_key_stays_where_it_is(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")
    key = "sk-test-0123456789abcdefghij"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    leak = LOOPS + '    if (getenv("OPENAI_API_KEY")) abort();\n'
    nosy = edit('#include "weigh.h"\n', '#include "weigh.h"\n#include <stdlib.h>\n') + edit(LOOPS, leak)
    with LoopbackServer(
        [Say(PLAN + key), Status(503, headers=(("retry-after", "0"),)), Say(nosy), Say(STOP)]
    ) as server:
        run = another(prepared, tmp_path, "model:openai/m", base_url=f"{server.url}/v1", tier="user")
        result, events = go(run)
        assert len(server.requests) == 4
    assert modes(events) == ["pass"], "the candidate saw the key"
    assert [c["stage"] for c in calls(events)] == ["plan", "write", "write"]
    assert calls(events)[1]["answer"]["attempts"] == 2
    assert calls(events)[0]["answer"]["cost_usd"] is None
    for path in run.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".jsonl", ".md", ".html", ".txt"):
            assert key not in path.read_text(errors="replace"), f"{path} holds the key"
    assert result.status is RunStatus.NO_GAIN


def test_a_script_named_by_a_relative_path_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.txt").write_text("@@ reply\nSTOP: no\n")
    monkeypatch.chdir(tmp_path)
    agent = find_agent(Settings(agent="model:scripted/s.txt"))
    assert agent.name == f"model:scripted/{tmp_path}/s.txt"


def test_prompts_of_ones_own_are_kept_with_the_run(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "write.j2").write_text("My own words about {{ task.name }}.\n{% include 'files.j2' %}")
    run = another(prepared, tmp_path, script(tmp_path, PLAN, STOP), prompts=str(folder))
    work(run)
    assert "My own words about weigh." in (run / "evidence" / "model" / "0002-write.md").read_text()
    assert (run / "prompts" / "write.j2").exists()


def test_what_cannot_work_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    task = write_task(tmp_path / "weigh")
    for options, says in [
        (
            {"agent": "model:openai/m", "base_url": "http://127.0.0.1:9/v1", "cost_usd": 1.0},
            "price of openai/m",
        ),
        ({"agent": "model:echo/echo", "tier": "wizard"}, "unknown tier"),
        ({"agent": "model:echo/echo", "prompts": tmp_path / "none"}, "not a folder"),
        ({"agent": "model:scripted/none.txt"}, "cannot read the script"),
        ({"agent": "model:echo/echo", "tokens": 0}, "0 tokens allow nothing"),
        ({"agent": "model:echo/echo", "cost_usd": -1.0}, "allow nothing"),
    ]:
        with pytest.raises(UsageError, match=says):
            api.optimize(task, **options)  # type: ignore[arg-type]
    assert not (task / ".loopwright").exists()


def test_the_journal_is_plain_json_with_every_call(prepared: Path, tmp_path: Path) -> None:
    run = another(prepared, tmp_path, script(tmp_path, PLAN, STOP))
    events = work(run)
    line = next(
        json.loads(x) for x in (run / "journal.jsonl").read_text().splitlines() if '"model-call"' in x
    )
    assert {
        "call",
        "stage",
        "candidate",
        "model",
        "tier",
        "digest",
        "prompt",
        "answer",
        "failure",
        "spent",
    } <= set(line)
    assert (run / line["prompt"]).is_file()
    assert len(events) > 3
