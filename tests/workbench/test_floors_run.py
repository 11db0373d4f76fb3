"""An impossible time is rejected before it is promoted, kept as raw samples, and never called a speedup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loopwright import api
from loopwright.core.candidate import Edit
from loopwright.core.modes import FailureMode
from loopwright.core.task import Build, Case, Task, Use, Work
from loopwright.core.timing import Comparison, Floor
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure
from loopwright.gates.floors_gate import FloorsGate
from loopwright.gates.gate import Stage
from loopwright.gates.registry import GATES
from loopwright.system.direct import DirectRunner
from loopwright.timing.policy import Policy
from loopwright.toolchains.discovery import find
from loopwright.workbench.bench import Workbench
from loopwright.workbench.final import finish
from loopwright.workbench.machine_file import machine_facts
from loopwright.workbench.rundir import create_run
from loopwright.workbench.settings import Settings

# The work is waiting, so that the test says the same on a slow machine and on a fast one.
SOURCE = """\
#include <stdio.h>
#include <time.h>
int main(void)
{
    struct timespec wait = {0, %d * 1000000L};
    nanosleep(&wait, NULL);
    puts("sum 41.5");
    return 0;
}
"""
# A machine that was measured while it was busy is measured again, with other ceilings: near, not equal.
ORIGINAL_MS, FLOOR_S, HONEST_MS = 60, 0.02, 30
QUICK = tuple(gate for gate in GATES if gate.stage is Stage.EVERY)


@pytest.fixture
def task(measured_home: Path, tmp_path: Path) -> Task:
    floors = machine_facts(measured_home, find(None), DirectRunner(), tmp_path, lambda text: None).floors
    moved = FLOOR_S / 0.9 * max(floors.cache_bytes_per_s.values())
    return Task(
        name="waiting",
        tree=Tree({"main.c": (SOURCE % ORIGINAL_MS).encode()}),
        editable=("main.c",),
        build=Build(sources=("main.c",)),
        cases=(Case("full", Use.TIME),),
        work=Work(bytes=repr(moved)),
    )


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(min_rounds=4, max_rounds=5, budget_s=5.0, target_halfwidth=0.5)
    for place in (
        "baseline.baseline_policy",
        "trials.trial_policy",
        "final.final_policy",
        "session.final_policy",
    ):
        monkeypatch.setattr(f"loopwright.workbench.{place}", lambda execution_s: policy)
    monkeypatch.setattr("loopwright.workbench.session.GATES", QUICK)


def edit(milliseconds: int) -> Edit:
    return Edit({"main.c": (SOURCE % milliseconds).encode()}, f"waits {milliseconds} ms")


@pytest.mark.timing
def test_a_time_below_the_floor_is_rejected_and_a_fast_one_above_it_promoted(
    task: Task, measured_home: Path
) -> None:
    directory = create_run(measured_home, task, Settings(), {})
    bench = Workbench(directory, gates=QUICK)
    try:
        bench.prepare()
        impossible = bench.evaluate(bench.original.edited(edit(0)))
        failure = impossible.verdict.failure
        assert failure is not None and failure.mode is FailureMode.BELOW_FLOOR
        assert not impossible.promoted and impossible.speedup is None and impossible.wall_s is None
        assert bench.best.id == bench.original.id
        record = next(e for e in reversed(bench.journal.events) if e.kind == "evaluation")
        assert len(record.data["comparison"]["rounds"]) >= 4
        honest = bench.evaluate(bench.original.edited(edit(HONEST_MS)))
        assert honest.promoted and honest.speedup is not None
        assert honest.verdict.by_gate["floors"] == "pass"
        result = finish(bench)
        assert result.failures["below_floor"] == 1
        assert result.best is not None and result.best.gates["floors"] == "pass"
        assert result.best.floors["full"].seconds == pytest.approx(FLOOR_S, rel=0.3)
    finally:
        bench.close()


@pytest.mark.timing
def test_the_winner_is_judged_by_the_floor_again(
    task: Task, measured_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = create_run(measured_home, task, Settings(), {})
    bench = Workbench(directory, gates=QUICK)
    try:
        bench.prepare()
        assert bench.evaluate(bench.original.edited(edit(HONEST_MS))).promoted
        # As if it had taken its time only as long as a promotion was at stake.
        above = Floor((HONEST_MS + ORIGINAL_MS) / 2000, "1 byte stated")
        monkeypatch.setattr(FloorsGate, "_of_case", lambda *_: (above,))
        result = finish(bench)
        assert result.best is None and result.failures == {"below_floor": 1}
        assert "impossible on this machine" in result.reason
        assert (directory.path / "best.patch").read_bytes() == b""
    finally:
        bench.close()


@pytest.mark.timing
def test_check_and_time_know_the_floor(
    task: Task, measured_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".loopwright").mkdir()
    shutil.copy(measured_home / "machine.json", tmp_path / ".loopwright")
    monkeypatch.chdir(tmp_path)
    checked = api.check(task, edit(0).changes)
    assert checked.failure is not None and checked.failure.mode is FailureMode.BELOW_FLOOR
    timed = api.time(task, edit(0).changes)
    assert isinstance(timed, Failure) and timed.mode is FailureMode.BELOW_FLOOR
    # Both sides are judged, not only the second.
    swapped = api.time(task, edit(0).changes, edit(HONEST_MS).changes)
    assert isinstance(swapped, Failure) and swapped.mode is FailureMode.BELOW_FLOOR
    honest = api.time(task, edit(HONEST_MS).changes)
    assert isinstance(honest, Comparison)
    assert honest.floors["full"].seconds == pytest.approx(FLOOR_S, rel=0.3)
