"""What is said of a candidate on a machine without clang and without valgrind: never a plain 'verified'."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NEEDED = ("gcc", "g++", "cc", "as", "ld", "sh", "make", "git", "ar", "ranlib")


@pytest.fixture
def poor_path(tmp_path: Path) -> str:
    """A PATH with gcc and nothing else; the sandbox would not show this folder."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in NEEDED:
        if path := shutil.which(name):
            (tools / name).symlink_to(path)
    if not (tools / "gcc").exists():
        pytest.skip("no gcc")
    return str(tools)


def check(task: Path, path: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from loopwright.cli.main import main; main()", "check", str(task),
         "--sandbox", "none", *options],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300,
        env={**os.environ, "PATH": path},
    )  # fmt: skip


def test_without_clang_and_valgrind_the_missing_gates_are_named(smooth_task: Path, poor_path: str) -> None:
    done = check(smooth_task, poor_path, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "pass"
    gates = answer["gates"]
    assert (gates["races"], gates["uninitialised"]) == ("not-available", "not-available")
    assert {gates[gate] for gate in ("integrity", "build", "outputs", "floors")} == {"pass"}
    assert answer["verified"].startswith("verified except: ")
    assert "races (clang" in answer["verified"] and "missing" in answer["verified"]
    assert "uninitialised (valgrind missing" in answer["verified"]
    # And for people: the gate, that it is not available, and the line to get it.
    shown = check(smooth_task, poor_path).stdout
    races = next(line for line in shown.splitlines() if line.split()[:1] == ["races"])
    assert "not-available" in races and "clang" in races
