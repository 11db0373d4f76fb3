"""The floors gate on real programs: full speed is let through, work that was not done is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.core.machine import Floors
from loopwright.core.modes import FailureMode
from loopwright.core.task import Build, Case, Output, StdoutMode, Target, Task, Use, Work
from loopwright.core.timing import Sample
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateStatus
from loopwright.gates import floors_gate, proofs
from loopwright.gates.floors import highest
from loopwright.gates.floors_gate import FloorsGate
from loopwright.gates.gate import Context
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.system.direct import DirectRunner
from loopwright.system.execution import Limits
from loopwright.system.machine import usable_cpus
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Variant
from loopwright.workbench.machine_file import machine_facts

pytestmark = pytest.mark.usefixtures("own_cache")

FULL = Case("full", Use.TIME, params={"n": 1000})


@pytest.fixture
def machine(measured_home: Path, tmp_path: Path) -> Floors:
    facts = machine_facts(measured_home, find(None), DirectRunner(), tmp_path, lambda text: None)
    return facts.floors


def context_of(scratch: Path, floors: Floors | None, work: Work, original_s: float | None = None) -> Context:
    task = Task(
        name="program",
        tree=Tree({"program.c": b"int main(void) { return 0; }\n"}),
        editable=("program.c",),
        build=Build(sources=("program.c",)),
        cases=(FULL,),
        output=Output(stdout=StdoutMode.IGNORE),
        work=work,
    )
    runner = DirectRunner()
    return Context(
        task=task,
        builder=Builder(task, runner, scratch),
        cases=CaseRunner(task, runner, scratch, cores=len(usable_cpus())),
        toolchain=find(None),
        variant=Variant(NATIVE_FLAGS, Target.OPENMP),
        expected=lambda case: {},
        limits=lambda case: Limits(),
        threads=(1, 2),
        floors=floors,
        original_s=lambda case: original_s,
    )


def took(*wall_s: float) -> dict[str, list[Sample]]:
    return {"full": [Sample(t, outer_s=t) for t in wall_s]}


def test_the_control_is_caught_and_its_honest_twin_is_not(
    machine: Floors, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that reads the first-level cache and one that multiplies and adds, as fast as this machine
    can, are never called impossible, loaded or not; one that does nothing is.
    """
    context = context_of(tmp_path, machine, Work())
    assert FloorsGate().available(context) == ""
    assert "floors with" in own_cache.read_text()
    again = FloorsGate()
    monkeypatch.setattr(proofs, "_known", {})  # as another process
    monkeypatch.setattr(again, "_tried", lambda context: pytest.fail("tried again"))
    assert again.available(context) == ""


def test_ceilings_that_honest_programs_exceed_make_the_gate_unavailable(
    machine: Floors, tmp_path: Path
) -> None:
    """As they would be after a measurement on a machine that was busy or slowed down."""
    low = replace(
        machine,
        cache_bytes_per_s={n: rate / 50 for n, rate in machine.cache_bytes_per_s.items()},
        peak_flops_f32={n: rate / 50 for n, rate in machine.peak_flops_f32.items()},
        peak_flops_f64={n: rate / 50 for n, rate in machine.peak_flops_f64.items()},
    )
    context = context_of(tmp_path, low, Work(flops="1e12"), original_s=1000.0)
    gate = FloorsGate()
    assert "an honest program was faster" in gate.available(context)
    result = gate.judge(context, took(1e-3, 1e-3))
    assert result.status is GateStatus.NOT_AVAILABLE
    assert "measure again" in result.reason


def test_a_blind_gate_is_not_believed(
    machine: Floors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    monkeypatch.setattr(floors_gate, "below_floor", lambda *_: None)
    gate = FloorsGate()
    assert "its control was not caught" in gate.available(context_of(tmp_path, machine, Work()))
    assert not own_cache.exists()


def test_an_impossible_time_is_refused_and_a_possible_one_is_not(machine: Floors, tmp_path: Path) -> None:
    flops = 0.1 * max(machine.peak_flops_f32.values())
    context = context_of(tmp_path, machine, Work(flops=repr(flops)), original_s=5.0)
    gate = FloorsGate()
    refused = gate.judge(context, took(0.05, 0.05, 0.051))
    assert refused.failure is not None and refused.failure.mode is FailureMode.BELOW_FLOOR
    accepted = gate.judge(context, took(0.11, 0.12, 0.11))
    assert (accepted.status, "no less than" in accepted.reason) == (GateStatus.PASS, True)
    # One sample that a glitch of the clock made short does not decide.
    assert gate.judge(context, took(0.11, 0.01, 0.12)).status is GateStatus.PASS
    assert highest(gate._of_case(context, FULL)) == gate.floors(context, ["full"])["full"]


def test_a_statement_that_the_original_contradicts_is_not_held_against_candidates(
    machine: Floors, tmp_path: Path
) -> None:
    flops = 0.1 * max(machine.peak_flops_f32.values())
    context = context_of(tmp_path, machine, Work(flops=repr(flops)), original_s=0.05)
    result = FloorsGate().judge(context, took(0.04))
    assert result.status is GateStatus.NOT_AVAILABLE
    assert "[work] says too much" in result.reason


def test_inputs_that_were_perhaps_not_read_are_a_doubt_and_no_failure(
    machine: Floors, tmp_path: Path
) -> None:
    context = context_of(tmp_path, machine, Work(), original_s=5.0)
    case = replace(FULL, files=("program.c",))
    task = replace(context.task, cases=(case,), tree=Tree({"program.c": b"x" * 4_000_000}))
    result = FloorsGate().judge(replace(context, task=task), took(1e-9))
    assert result.status is GateStatus.NOT_AVAILABLE
    assert "bytes of inputs" in result.reason and "[work] bytes" in result.reason


def test_without_a_measured_machine_nothing_is_claimed(tmp_path: Path) -> None:
    context = context_of(tmp_path, None, Work(flops="1e12"))
    result = FloorsGate().judge(context, took(1e-9))
    assert (result.status, result.reason) == (
        GateStatus.NOT_AVAILABLE, "the machine's ceilings are not measured",
    )  # fmt: skip
    assert FloorsGate().floors(context, ["full"]) == {}


def test_forged_times_are_refused_on_any_machine(tmp_path: Path) -> None:
    """It needs no ceilings to see that processors worked longer than there was time."""
    context = context_of(tmp_path, None, Work())
    cores = len(usable_cpus())
    busy = {"full": [Sample(0.01, user_s=2.0 * cores, outer_s=1.0)]}
    result = FloorsGate().judge(context, busy)
    assert result.failure is not None and result.failure.mode is FailureMode.FORGED_TIME


def test_a_pass_without_a_floor_says_how_little_it_means(machine: Floors, tmp_path: Path) -> None:
    result = FloorsGate().judge(context_of(tmp_path, machine, Work()), took(0.1))
    assert result.status is GateStatus.PASS
    assert "no floor is known" in result.reason and "[work]" in result.reason
