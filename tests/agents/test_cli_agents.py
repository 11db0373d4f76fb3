"""The real command-line agents in the sandbox, against a scripted server on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from gateway_client import ask, bridge
from model_runs import GOOD, LOOPS, WEIGH_C, another, go, modes, work, write_task

from loopwright.agents.adapters.adapter import Adapter
from loopwright.agents.adapters.claude import Claude
from loopwright.agents.adapters.codex import Codex
from loopwright.agents.adapters.gemini import Gemini
from loopwright.agents.adapters.opencode import OpenCode
from loopwright.agents.adapters.qwen import Qwen
from loopwright.agents.cli_adapters import ADAPTERS, find_program
from loopwright.agents.gateway import Gateway, ProviderCall, Upstream
from loopwright.agents.relay import main as relay
from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.run import Budget, RunStatus
from loopwright.models.loopback import Call, LoopbackServer, Say, Status, Turn, run
from loopwright.system.bubblewrap import bubblewrap_problem

needs_sandbox = pytest.mark.skipif(
    bool(bubblewrap_problem()), reason="code that nobody has read is only run under bubblewrap"
)
NPM = (
    Path(os.environ.get("LOOPWRIGHT_TEST_NPM", Path(__file__).parents[2] / ".npm")) / "node_modules" / ".bin"
)
KEY = "sk-test-0123456789abcdefghij"
MODEL = "scripted-1"
FAST = WEIGH_C.replace(LOOPS, GOOD)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agents that scripts/install-agents.sh installed come first in PATH."""
    if NPM.is_dir():
        monkeypatch.setenv("PATH", f"{NPM}:{os.environ['PATH']}")


def need(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed: sh scripts/install-agents.sh (needs npm)")


def url_of(name: str, server: LoopbackServer) -> str:
    return server.url if name in ("claude", "gemini") else f"{server.url}/v1"


def steps(events: list[Any], kind: str) -> list[str]:
    return [e.data["text"] for e in events if e.kind == "agent-step" and e.data["step"] == kind]


@needs_sandbox
@pytest.mark.slow
@pytest.mark.parametrize("name", list(ADAPTERS))
def test_the_real_agent_works_at_the_workbench(
    name: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: None
) -> None:
    need(name)
    monkeypatch.setenv(ADAPTERS[name].key, KEY)
    nosy = "env; cat loopwright.toml; ls /root /home; find / -name reference -o -name 'journal.json?'; "
    turns: list[Turn] = [
        run(f"({nosy}) > notes.txt 2>&1; cat notes.txt"),
        run("echo broken >> weigh.c; loopwright check . --json"),
        run(f"cat > weigh.c <<'END'\n{FAST}END\nloopwright check ."),
        # Qwen Code offers the tools of MCP servers only to a model that searches for them.
        *([run("loopwright time .")] if name == "qwen" else [Call(("time",)), Call(("history",))]),
        Say("It is faster now."),
    ]
    with LoopbackServer(turns) as server:
        path = another(prepared, tmp_path, f"{name}:{MODEL}", base_url=url_of(name, server))
        events = work(path)
        requests = server.requests
    asked = json.dumps([{k: v for k, v in r.items() if not k.startswith("_")} for r in requests])
    sent = json.dumps([r["_headers"] for r in requests])
    said = (path / "evidence" / "agent" / "stderr.txt").read_text()[-2000:]
    assert modes(events)[:2] == ["build_error", "pass"], said + asked[-3000:]
    promoted = [e.data["evaluation"] for e in events if e.kind == "evaluation"][-1]
    assert promoted["promoted"] and promoted["speedup"]["low"] > 1.5
    assert KEY in sent, "the gateway puts the key in"
    assert KEY not in asked, "the agent saw the key and sent it on"
    for text in ("secret-size", "0000001021", "journal.jsonl", "lineage.git"):
        assert text not in asked, f"the agent saw {text}"
    assert any("loopwright check" in text for text in steps(events, "command"))
    if name != "qwen":
        assert any("time" in text for text in steps(events, "tool")), "the MCP server was not used"
    stdout = (path / "evidence" / "agent" / "stdout.txt").read_text()
    assert name == "codex" or re.search("mcp_+loopwright_+time|loopwright_time", stdout), "no MCP server"
    assert "It is faster now." in steps(events, "message")
    usage = next(e.data for e in events if e.kind == "agent-usage")
    assert usage["ended"] == "completed" and usage["output_tokens"] >= 120
    provider = [e.data for e in events if e.kind == "provider-call" and e.data["status"] == 200]
    assert len(provider) >= len(turns) and provider[-1]["input_tokens"] == 120
    assert (path / "workspace" / ADAPTERS[name].notes).read_text().startswith("# Working here")
    for file in path.rglob("*"):
        if file.is_file() and file.suffix in (".json", ".jsonl", ".md", ".txt", ".toml"):
            assert KEY not in file.read_text(errors="replace"), f"{file} holds the key"


@needs_sandbox
@pytest.mark.slow
@pytest.mark.parametrize("budget", [Budget(120.0, tokens=400), Budget(120.0, cost_usd=0.40)])
def test_tokens_and_money_of_an_outside_agent_are_limited_before_each_call(
    budget: Budget, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: None
) -> None:
    need("codex")
    (tmp_path / "prices.toml").write_text(f'[openai]\n"{MODEL}" = {{ input = 1000, output = 1000 }}\n')
    monkeypatch.setenv("LOOPWRIGHT_PRICES", str(tmp_path / "prices.toml"))
    with LoopbackServer([run("true")] * 30) as server:
        path = another(prepared, tmp_path, f"codex:{MODEL}", base_url=url_of("codex", server), budget=budget)
        result, events = go(path)
        assert len(server.requests) == 3, "150 tokens and as many thousandths of a dollar a call"
    assert result.status is RunStatus.NO_GAIN and result.spending is not None
    assert result.spending.tokens == 450 and result.spending.cost_usd == pytest.approx(0.45)
    assert any("budget of the run is spent" in text for text in steps(events, "error"))


def test_what_is_missing_is_said_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from loopwright import api

    task = write_task(tmp_path / "weigh")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolMissing, match="npm install --global @openai/codex"):
        api.optimize(task, agent="codex")
    program = tmp_path / "codex"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="no key for codex"):
        api.optimize(task, agent="codex:some-model")
    (tmp_path / "opencode").symlink_to(program)
    with pytest.raises(UsageError, match="opencode has no model of its own"):
        api.optimize(task, agent="opencode")
    assert not (task / ".loopwright").exists()


def test_a_program_shows_its_whole_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = tmp_path / "lib" / "node_modules"
    script = modules / "@openai" / "codex" / "bin" / "codex.js"
    script.parent.mkdir(parents=True)
    script.write_text("#!/usr/bin/env node\n")
    script.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "codex").symlink_to(script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_program(Codex()) == (str(tmp_path / "bin" / "codex"), (modules,))


STEPS = ["command", "command", "command", "tool", "tool", "message"]


@pytest.mark.parametrize("adapter", [Claude(), Gemini(), Qwen()])
def test_configuration_is_not_written_through_a_link_that_an_agent_left(
    adapter: Adapter, tmp_path: Path
) -> None:
    home, mine = tmp_path / "home", tmp_path / "mine.txt"
    home.mkdir()
    mine.write_text("mine")
    for name in ("mcp.json", "user.cjs"):
        (home / name).symlink_to(mine)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (home / ".gemini").symlink_to(elsewhere)
    adapter.start("program", "prompt", "", "/v1", home, tmp_path / "door")
    assert mine.read_text() == "mine" and not list(elsewhere.iterdir())
    config = home / (".gemini/settings.json" if adapter.name == "gemini" else "mcp.json")
    assert json.loads(config.read_text())["mcpServers"]["loopwright"]["args"] == ["mcp"]


FIXTURES = Path(__file__).parent / "fixtures"


def test_events_of_codex() -> None:
    events = Codex().read((FIXTURES / "codex-0.169.jsonl").read_bytes().splitlines())
    assert [step.kind for step in events.steps] == ["error", *STEPS]  # it does not know the scripted model
    assert (events.input_tokens, events.output_tokens, events.ended) == (720, 180, "completed")


def test_events_of_claude() -> None:
    events = Claude().read((FIXTURES / "claude-2.1.197.jsonl").read_bytes().splitlines())
    assert [step.kind for step in events.steps] == STEPS
    assert (events.input_tokens, events.output_tokens, events.ended) == (720, 180, "completed")


def test_events_of_qwen() -> None:
    events = Qwen().read((FIXTURES / "qwen-0.15.10.jsonl").read_bytes().splitlines())
    assert [step.kind for step in events.steps] == ["command", "command", "command", "command", "message"]
    assert (events.input_tokens, events.output_tokens, events.ended) == (600, 150, "completed")


def test_events_of_gemini() -> None:
    events = Gemini().read((FIXTURES / "gemini-0.61.0.jsonl").read_bytes().splitlines())
    assert [step.kind for step in events.steps] == STEPS
    assert (events.input_tokens, events.output_tokens, events.ended) == (720, 180, "completed")
    pieces = [b'{"type": "message", "role": "assistant", "content": "It is ", "delta": true}',
              b'{"type": "message", "role": "assistant", "content": "done.", "delta": true}',
              b'{"type": "error", "severity": "error", "message": "no more turns"}',
              b'{"type": "result", "status": "error", "error": {"message": "quota"}}']  # fmt: skip
    failed = Gemini().read(pieces)
    assert [(s.kind, s.text) for s in failed.steps] == [
        ("message", "It is done."), ("error", "no more turns"), ("error", "quota")]  # fmt: skip
    assert failed.ended == "failed"


def test_events_of_opencode() -> None:
    events = OpenCode().read((FIXTURES / "opencode-1.18.33.jsonl").read_bytes().splitlines())
    assert [step.kind for step in events.steps] == STEPS
    assert [step.text.rsplit(" ", 1)[1] for step in events.steps[1:3]] == ["1", "0"], "status of commands"
    assert (events.input_tokens, events.output_tokens, events.ended) == (720, 180, "completed")


@pytest.mark.parametrize("adapter", list(ADAPTERS.values()))
def test_streams_that_nobody_understands_are_passed_over(adapter: Adapter) -> None:
    junk = [b"", b"not JSON", b"[1]", b"null", b'{"type": 3}', b"\xff\xfe", b'{"type": "turn.completed"}',
            b'{"type": "item.completed", "item": {"type": "new"}}',
            b'{"type": "assistant", "message": null}', b'{"type": "step_finish", "part": {"tokens": 7}}',
            b'{"type": "result", "stats": [], "usage": 1, "error": 2}', b'{"type": "tool_use", "part": []}',
            b'{"type": "turn.completed", "usage": {"input_tokens": "many"}}',
            b'{"type": "assistant", "message": {"content": ["words", 3]}}']  # fmt: skip
    read = adapter.read(junk)
    assert all(not step.text.strip("None: ") for step in read.steps) and read.output_tokens == 0


def test_the_gateway_forwards_to_one_host_puts_the_key_in_and_counts(tmp_path: Path) -> None:
    calls: list[ProviderCall] = []
    refusals = ["", "", "", "the budget is spent"]
    with LoopbackServer([Say("hello"), Status(429), Say("again")]) as server:
        upstream = Upstream(f"{server.url}/v1", {"Authorization": f"Bearer {KEY}"})
        with Gateway(tmp_path / "g", upstream, lambda path, model: refusals.pop(0), calls.append):
            port = bridge(tmp_path / "g")
            base = f"http://127.0.0.1:{port}"
            status, body = ask(f"{base}/v1/chat/completions", {"Authorization": "Bearer outside"})
            assert status == 200 and b"hello" in body
            assert server.requests[0]["_headers"]["Authorization"] == f"Bearer {KEY}"
            assert ask(f"{base}/v1/chat/completions", {})[0] == 429
            assert ask(f"{base}/admin/chat/completions", {})[0] == 404
            assert ask(f"{base}/v1/chat/completions", {})[0] == 200
            status, body = ask(f"{base}/v1/chat/completions", {})
            assert status == 400 and b"budget is spent" in body
        assert len(server.requests) == 3
    assert [(c.status, c.model, c.usage.input_tokens, c.usage.output_tokens) for c in calls] == [
        (200, "m", 120, 30),
        (429, "m", 0, 0),
        (200, "m", 120, 30),
    ]


def test_a_provider_that_is_gone_is_a_502(tmp_path: Path) -> None:
    # A port that is held and does not listen: a free one might be somebody else's a moment later.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{held.getsockname()[1]}"
        with Gateway(tmp_path / "g", Upstream(gone, {}), lambda path, model: "", lambda call: None):
            assert ask(f"http://127.0.0.1:{bridge(tmp_path / 'g')}/v1/messages", {})[0] == 502


def test_the_relay_passes_the_port_the_output_and_the_status_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERE", "http://127.0.0.1:@PORT@/v1")
    assert relay([str(tmp_path / "none"), "sh", "-c", 'echo "$WHERE" @PORT@; exit 7']) == 7
    where, port = capfd.readouterr().out.split()
    assert where == f"http://127.0.0.1:{port}/v1" and 0 < int(port) < 65536
