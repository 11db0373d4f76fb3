"""Models behind an API in a process of their own: what the user sees on the terminal, and the exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from model_runs import another, calls, work

from loopwright.models.loopback import LoopbackServer, Say, Status
from loopwright.system.bubblewrap import bubblewrap_problem

pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed: pip install 'loopwright[models]'")
KEY = "sk-test-0123456789abcdefghij"
# Warnings about resources tell of clients that were left open, even where no traceback came of it by chance.
ASK_TWICE = """
import gc, sys
from loopwright.models.model import Message, Reply, Request, Role
from loopwright.models.registry import find_model
request = Request((Message(Role.USER, "hello"),), timeout_s=20.0)
for name, url in zip(sys.argv[1::2], sys.argv[2::2]):
    model = find_model(name, base_url=url)
    for _ in range(2):
        assert isinstance(model.complete(request), Reply)
        gc.collect()
"""


def environment() -> dict[str, str]:
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"), KEY)
    kept = {k: v for k, v in os.environ.items() if k not in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL")}
    return {**kept, **keys}


def process(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], env=environment(), capture_output=True, text=True)


def assert_tidy(told: str) -> None:
    for word in ("Event loop is closed", "Traceback", "unclosed", "never awaited", KEY):
        assert word not in told, told


def test_every_client_is_closed_before_the_next_call() -> None:
    with LoopbackServer([Say("four")] * 8) as server:
        named = {"openai": "/v1", "openai-responses": "/v1", "anthropic": "", "google": ""}
        asked = [word for p, path in named.items() for word in (f"{p}/m", f"{server.url}{path}")]
        done = process("-W", "always::ResourceWarning", "-c", ASK_TWICE, *asked)
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 8
    assert_tidy(done.stderr)


@pytest.mark.skipif(
    bool(bubblewrap_problem()), reason="code that nobody has read is only run under bubblewrap"
)
def test_a_refused_key_ends_with_status_2_and_the_run_goes_on_with_the_right_one(
    prepared: Path, tmp_path: Path
) -> None:
    refused = f'{{"error": {{"message": "bad key {KEY}", "type": "error", "code": "x"}}}}'
    turns = [Say("Hoist it.\nEXPECT: 2x"), Status(401, refused), Say("STOP: done"), Say("STOP: done")]
    with LoopbackServer(turns) as server:
        run = another(prepared, tmp_path, "model:openai/m", base_url=f"{server.url}/v1", tier="user")
        first = process("-c", "from loopwright.cli.main import main; main()", "runs", "resume", str(run))
        assert first.returncode == 2, first.stderr
        assert "the key was refused" in first.stderr and "OPENAI_API_KEY" in first.stderr
        assert_tidy(first.stderr)
        events = work(run)
        assert len(server.requests) == 3, "the plan was paid for already"
    assert [c["stage"] for c in calls(events)] == ["plan", "write"]
    assert events[-1].data["reason"] == "the model stops: done"
