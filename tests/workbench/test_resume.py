"""A run killed at any moment resumes: nothing recorded is lost, no evaluation is counted twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopwright import api
from loopwright.core.run import RunResult
from loopwright.workbench.journal import read_journal
from loopwright.workbench.rundir import list_runs

# Kills in `make test`; by hand: LOOPWRIGHT_KILLS=50 pytest tests/workbench/test_resume.py
KILLS = int(os.environ.get("LOOPWRIGHT_KILLS", "8"))
LONGEST_S = 4.0


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from loopwright.cli.main import main; main()", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def descendants(marker: str) -> list[str]:
    """Command lines of living processes that mention `marker`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if marker in line:
                found.append(line)
    return found


def assert_nothing_lives(marker: str) -> None:
    """What a killed run started dies within seconds (a profiler writes its file first)."""
    deadline = time.monotonic() + 15
    while (left := descendants(marker)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, "a killed run left processes behind"


def evaluated(result_directory: Path) -> dict[str, str]:
    """Candidate to its failure mode, "" for none; fails on a candidate that was evaluated twice."""
    events = [e for e in read_journal(result_directory / "journal.jsonl") if e.kind == "evaluation"]
    records = [e.data["evaluation"] for e in events]
    assert len({r["candidate"] for r in records}) == len(records), "an evaluation was counted twice"
    assert [r["number"] for r in records] == list(range(1, len(records) + 1))
    failures = {}
    for record in records:
        modes = [r["failure"]["mode"] for r in record["verdict"]["results"] if r["failure"]]
        failures[record["candidate"]] = modes[0] if modes else ""
    return failures


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_like_one_that_was_not(
    smooth_task: Path, measured_home: Path, tmp_path: Path
) -> None:
    undisturbed = api.optimize(smooth_task, strategy="best-of-n", home=measured_home)
    home = tmp_path / "killed"
    home.mkdir()
    shutil.copy(measured_home / "machine.json", home)
    chance = random.Random(7)
    process = start("optimize", str(smooth_task), "--strategy", "best-of-n", "--home", str(home), "--json")
    output = b""
    for _ in range(KILLS):
        try:
            output, _ = process.communicate(timeout=chance.uniform(0.2, LONGEST_S))
            if process.returncode == 0:
                break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            assert_nothing_lives(str(home))
        runs = list_runs(home)
        if runs:
            before = len(read_journal(runs[-1].journal))
            process = start("runs", "resume", str(runs[-1].path), "--json")
            assert len(read_journal(runs[-1].journal)) >= before
        else:
            process = start(
                "optimize", str(smooth_task), "--strategy", "best-of-n", "--home", str(home), "--json"
            )
    if not output:
        output, _ = process.communicate(timeout=300)
    result = json.loads(output)
    assert result["status"] in ("improved", "no-gain")
    (run,) = list_runs(home)
    assert evaluated(run.path) == evaluated(Path(undisturbed.directory))
    assert result["evaluations"] == undisturbed.evaluations == len(evaluated(run.path))
    assert not (run.path / "scratch").exists()
    again: RunResult = api.resume(run.path)
    assert again.run == result["run"] and again.status == result["status"]


def test_an_interrupt_is_exit_status_130_and_can_be_resumed(smooth_task: Path, measured_home: Path) -> None:
    process = start("optimize", str(smooth_task), "--home", str(measured_home), "--budget", "60s")
    time.sleep(2.5)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode in (130, 0)
