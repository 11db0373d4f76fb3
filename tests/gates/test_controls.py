"""The final gates are believed only after their controls, and tell new faults from old ones."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from gate_programs import program_context

from loopwright.core.modes import FailureMode
from loopwright.core.task import Build, Case, Language, Target, Use
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateStatus
from loopwright.gates import controls, instrumented
from loopwright.gates.gate import Subject
from loopwright.gates.memory import ADDRESSES, UNDEFINED, UNINITIALISED
from loopwright.gates.races import RACES
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.system.direct import DirectRunner
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Variant

ALL = [ADDRESSES, UNDEFINED, UNINITIALISED, RACES]
LOOP = """\
#include <stdio.h>
int total;
int main(void)
{
    int wanted = 0;
#pragma omp parallel for
    for (int i = 0; i < 500; i++)
        total = total + 1;
#pragma omp parallel for %s
    for (int i = 0; i < 500; i++)
        wanted += i;
    printf("1\\n");
    return wanted == -1;
}
"""


def subject(source: str) -> Subject:
    return Subject(Tree({"program.c": source.encode()}))


@pytest.fixture
def without_clang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("gcc", "as", "ld", "bwrap", "sh", "make"):
        if path := shutil.which(name):
            (tools / name).symlink_to(path)
    monkeypatch.setenv("PATH", str(tools))


@pytest.mark.parametrize("gate", ALL, ids=lambda gate: gate.name)
def test_each_faulty_control_has_a_planted_line_and_its_twin_has_none(
    gate: instrumented.InstrumentedGate,
) -> None:
    faulty, clean = controls.sources(gate.name)
    assert controls.planted(faulty)
    assert not controls.planted(clean)


@pytest.mark.parametrize("gate", ALL, ids=lambda gate: gate.name)
def test_a_control_is_tried_once_and_remembered(
    gate: instrumented.InstrumentedGate, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = program_context(LOOP, tmp_path)
    if reason := gate.available(context):
        pytest.skip(reason)
    assert gate.name in own_cache.read_text()
    monkeypatch.setattr(controls, "observe", lambda *_: pytest.fail("tried again"))
    assert gate.available(context) == ""


def test_a_control_that_is_not_caught_makes_the_gate_unavailable(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = type(RACES.instrument)()
    monkeypatch.setattr(blind, "parse", lambda *_: (), raising=False)
    context = program_context(LOOP, tmp_path)
    if reason := RACES.instrument.toolchains(context)[1]:
        pytest.skip(reason)
    gate = instrumented.InstrumentedGate(blind, needs_threads=True)
    reason = gate.available(context)
    assert "its control" in reason and gate.name not in reason
    assert gate.check(subject(LOOP % ""), context).status is GateStatus.NOT_AVAILABLE
    assert not own_cache.exists() or "races" not in own_cache.read_text()


def test_a_tool_that_calls_the_correct_control_wrong_is_not_believed(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Archer every barrier looks like a race: the reason why there is a clean twin."""
    deaf = type(RACES.instrument)()
    full = deaf.environment
    monkeypatch.setattr(deaf, "environment", lambda t: {**full(t), "OMP_TOOL": "disabled"}, raising=False)
    context = program_context(LOOP, tmp_path)
    if reason := RACES.instrument.toolchains(context)[1]:
        pytest.skip(reason)
    assert "correct control was called wrong" in instrumented.InstrumentedGate(deaf).available(context)


def test_a_race_of_the_original_is_told_apart_from_a_new_one(tmp_path: Path) -> None:
    reduced = LOOP % "reduction(+ : wanted)"
    context = program_context(reduced, tmp_path)
    if reason := RACES.available(context):
        pytest.skip(reason)
    moved = reduced.replace("int total;", "\n\nint total;")
    kept = RACES.check(subject(moved), context)
    assert kept.status is GateStatus.PASS
    assert "in the original too" in kept.reason and "total" in kept.reason
    worse = RACES.check(subject(LOOP % ""), context)
    assert worse.failure is not None
    assert "wanted += i" in worse.failure.message and "total" not in worse.failure.message


def test_a_fault_of_the_original_that_ends_the_program_is_no_pass(tmp_path: Path) -> None:
    faulty = (Path(__file__).with_name("programs") / "undefined_faulty_overflow.c").read_text()
    context = program_context(faulty, tmp_path)
    if reason := UNDEFINED.available(context):
        pytest.skip(reason)
    result = UNDEFINED.check(subject(faulty), context)
    assert result.status is GateStatus.NOT_AVAILABLE
    assert "in the original too: signed integer overflow" in result.reason


def test_a_candidate_that_refuses_to_be_watched_fails(tmp_path: Path) -> None:
    plain = LOOP % "reduction(+ : wanted)"
    refusing = "#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)\n#error no\n#endif\n" + plain
    context = program_context(plain, tmp_path)
    if reason := RACES.available(context):
        pytest.skip(reason)
    result = RACES.check(subject(refusing), context)
    assert result.failure is not None and result.failure.mode is FailureMode.BUILD_ERROR
    assert "the original builds" in result.failure.message


def test_suppressions_of_the_program_itself_do_not_help(tmp_path: Path) -> None:
    hiding = 'const char *__tsan_default_suppressions(void) { return "race:*\\n"; }\n' + LOOP % ""
    context = program_context('#include <stdio.h>\nint main(void) { puts("1"); return 0; }\n', tmp_path)
    if reason := RACES.available(context):
        pytest.skip(reason)
    result = RACES.check(subject(hiding), context)
    assert result.failure is not None and "suppresses" in result.failure.message


def test_code_that_asks_not_to_be_watched_is_not_called_checked(tmp_path: Path) -> None:
    plain = LOOP % "reduction(+ : wanted)"
    blind = plain.replace("int main", '__attribute__((no_sanitize("thread"))) int main')
    context = program_context(plain.replace("total = total + 1", "total + 1"), tmp_path)
    if reason := RACES.available(context):
        pytest.skip(reason)
    result = RACES.check(subject(blind), context)
    assert result.status is not GateStatus.PASS


@pytest.mark.parametrize("trick", ["fclose(stderr);", "close(2);", "dup2(1, 2);"])
def test_a_report_that_the_program_suppresses_is_still_a_finding(trick: str, tmp_path: Path) -> None:
    source = "#include <unistd.h>\n" + (LOOP % "").replace("int wanted = 0;", f"int wanted = 0;\n    {trick}")
    context = program_context('#include <stdio.h>\nint main(void) { puts("1"); return 0; }\n', tmp_path)
    if reason := RACES.available(context):
        pytest.skip(reason)
    result = RACES.check(subject(source), context)
    assert result.failure is not None and result.failure.mode is FailureMode.DATA_RACE


def test_a_case_that_takes_too_long_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "#include <stdio.h>\nint main(void)\n{\n    for (volatile long i = 0;; i++)\n        ;\n}\n"
    context = program_context(slow, tmp_path)
    if reason := ADDRESSES.available(context):
        pytest.skip(reason)
    monkeypatch.setattr(instrumented, "CASE_BUDGET_S", 1.0)
    result = ADDRESSES.check(subject(slow), context)
    assert result.status is GateStatus.NOT_AVAILABLE
    assert "case only" in result.reason


def test_without_a_check_case_the_timed_case_is_run(tmp_path: Path) -> None:
    context = program_context(LOOP % "reduction(+ : wanted)", tmp_path, cases=(Case("big", Use.TIME),))
    if reason := RACES.available(context):
        pytest.skip(reason)
    result = RACES.check(subject(LOOP % ""), context)
    assert result.failure is not None and result.failure.evidence["case"] == "big"


def test_a_serial_target_needs_no_race_gate(tmp_path: Path, without_clang: None) -> None:
    context = program_context(LOOP, tmp_path)
    context = replace(context, variant=Variant(NATIVE_FLAGS, Target.SERIAL))
    assert RACES.available(context) == ""
    result = RACES.check(subject(LOOP), context)
    assert (result.status, result.reason) == (GateStatus.PASS, "serial target: no threads")


def test_without_clang_the_race_gate_says_so(tmp_path: Path, without_clang: None) -> None:
    assert RACES.available(program_context(LOOP, tmp_path)).startswith("clang missing")


def test_without_valgrind_the_gate_says_so(tmp_path: Path, without_clang: None) -> None:
    assert UNINITIALISED.available(program_context(LOOP, tmp_path)).startswith("valgrind missing")


CXX = """\
#include <cstdio>
#include <vector>
int main()
{
    std::vector<double> a(500, 1.0);
    std::vector<int> found;
#pragma omp parallel for
    for (int i = 0; i < 500; i++) {
        a[i] = i;
%s
        found.push_back(i);
    }
    std::printf("1\\n");
}
"""


@pytest.mark.parametrize(("guard", "racy"), [("#pragma omp critical", False), ("", True)])
def test_cxx_faults_are_named_by_the_line_of_the_task(guard: str, racy: bool, tmp_path: Path) -> None:
    context = program_context("", tmp_path)
    task = replace(
        context.task,
        language=Language.CXX,
        tree=Tree({"program.cpp": b"int main() { return 0; }\n"}),
        build=Build(sources=("program.cpp",)),
    )
    context = replace(
        context,
        task=task,
        builder=Builder(task, DirectRunner(), tmp_path),
        cases=CaseRunner(task, DirectRunner(), tmp_path, cores=2),
    )
    if reason := RACES.available(context):
        pytest.skip(reason)
    result = RACES.check(Subject(Tree({"program.cpp": (CXX % guard).encode()})), context)
    assert (result.failure is not None) == racy, result
    if result.failure is not None:
        assert result.failure.evidence["lines"].startswith("program.cpp:")
