"""A real model, tiny and on this machine, drives a run once: it proves the wiring, nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_runs import another, calls, go

from loopwright.core.run import Budget, RunStatus
from loopwright.models.model import Trouble
from loopwright.system.bubblewrap import bubblewrap_problem

ROOT = Path(__file__).parents[2]
MOST = 500
"""Tokens, which take a few seconds: whatever the model says, it is cut off there."""
INSTALL = "sh scripts/install-local-model.sh"


@pytest.fixture
def base_url() -> Iterator[str]:
    """The address of a server with the model of scripts/install-local-model.sh, for one test."""
    pytest.importorskip(
        "pydantic_ai", reason="pydantic-ai is not installed: pip install 'loopwright[models]'"
    )
    if not (ROOT / ".local-model" / ".installed").exists():
        pytest.skip(f"no local model is installed: {INSTALL}")
    command = [sys.executable, str(ROOT / "scripts" / "local-model.py")]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    assert server.stdout is not None and server.stdin is not None
    try:
        url = server.stdout.readline().strip()
        assert url, f"the server of the local model did not start: try {' '.join(command)}"
        yield url
    finally:
        server.stdin.close()
        server.wait(60)
        server.stdout.close()


@pytest.mark.skipif(
    bool(bubblewrap_problem()), reason="code that nobody has read is only run under bubblewrap"
)
def test_a_real_model_is_asked_within_the_budget_and_the_run_ends(
    base_url: str, prepared: Path, tmp_path: Path
) -> None:
    words = tmp_path / "prompts"
    words.mkdir()
    (words / "system.j2").write_text("You are brief.\n")
    (words / "plan.j2").write_text("How can a loop in {{ task.name }} be made faster? One sentence.\n")
    (words / "write.j2").write_text("Reply with the one word STOP.\n")
    run = another(prepared, tmp_path, "model:openai/tiny", budget=Budget(None, evaluations=1, tokens=MOST),
                  base_url=base_url, prompts=str(words))  # fmt: skip
    result, events = go(run)
    asked = calls(events)
    assert asked and asked[0]["stage"] == "plan"
    for call in asked:
        told = call["answer"] or call["failure"]
        assert told.get("trouble", Trouble.TRUNCATED) in (Trouble.TRUNCATED, Trouble.EMPTY), told
        assert told["usage"]["input_tokens"] > 10 and told["usage"]["output_tokens"] > 0
        assert not told["usage"]["estimated"], "the server counts its tokens"
    assert asked[-1]["spent"]["tokens"] <= MOST
    assert events[-1].kind == "result" and result.status in list(RunStatus)
