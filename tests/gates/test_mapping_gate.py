"""The gates of offloaded programs are believed after their controls, and run for offload alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from offload_programs import PROGRAMS, offload_context

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, Target
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateStatus
from loopwright.gates import controls, mapping_control
from loopwright.gates.chain import run_gates
from loopwright.gates.gate import Gate, Stage, Subject
from loopwright.gates.mapping import MAPPING
from loopwright.gates.offloaded import OFFLOADED
from loopwright.gates.plan_trace import PLAN_TRACE
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Variant

ALL: list[Gate] = [MAPPING, OFFLOADED, PLAN_TRACE]
FAULTY = (PROGRAMS / "mapping_faulty_to_instead_of_tofrom.c").read_text()
PRESENT = FAULTY.replace("map(to :", "map(present, tofrom :")


def subject(source: str) -> Subject:
    return Subject(Tree({"program.c": source.encode()}))


@pytest.mark.parametrize("gate", ALL, ids=lambda gate: gate.name)
def test_each_faulty_control_has_a_planted_line_and_its_twin_has_none(gate: Gate) -> None:
    faulty, clean = controls.sources(gate.name)
    assert controls.planted(faulty) and not controls.planted(clean)


@pytest.mark.usefixtures("own_cache")
def test_a_control_that_is_not_caught_is_told(tmp_path: Path) -> None:
    context = offload_context(FAULTY, tmp_path)
    assert "was not caught" in mapping_control.proven("offloaded", context, lambda watched, tree: ())
    assert "was not caught" in mapping_control.proven("offloaded", context, lambda *_: pytest.fail("again"))


def test_without_clang_the_gates_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = offload_context(FAULTY, tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("gcc", "as", "ld", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tools))
    from loopwright.toolchains.discovery import find

    without = replace(context, toolchain=find("gcc"))
    for gate in ALL:
        reason = gate.available(without)
        assert "clang" in reason and "device" in reason, gate.name


def test_other_targets_do_not_hear_of_them(tmp_path: Path) -> None:
    context = offload_context(FAULTY, tmp_path)
    threads = replace(context, variant=Variant(NATIVE_FLAGS, Target.OPENMP))
    verdict, _ = run_gates(ALL, Stage.EVERY, subject(FAULTY), threads)
    assert verdict.results == ()


def test_a_fault_of_the_original_is_no_failure_and_no_pass(tmp_path: Path) -> None:
    context = offload_context(FAULTY, tmp_path)
    result = MAPPING.check(subject("\n" + FAULTY), context)
    assert result.status is GateStatus.NOT_AVAILABLE
    assert "in the original too" in result.reason and "program.c:15" in result.reason


def test_what_libomptarget_refuses_is_named_by_line(tmp_path: Path) -> None:
    context = offload_context("int main(void) { return 0; }\n", tmp_path)
    result = MAPPING.check(subject(PRESENT), context)
    assert result.failure is not None and result.failure.mode is FailureMode.WRONG_MAPPING
    assert result.failure.evidence["lines"] == "program.c:10" and "'present'" in result.failure.message


def test_code_that_asks_not_to_be_watched_is_not_called_checked(tmp_path: Path) -> None:
    right = FAULTY.replace("map(to :", "map(tofrom :")
    blind = right.replace("int main", '__attribute__((no_sanitize("thread"))) int main')
    result = MAPPING.check(subject(blind), offload_context("int main(void) { return 0; }\n", tmp_path))
    assert result.status is GateStatus.NOT_AVAILABLE and "no_sanitize" in result.reason


def test_one_run_serves_all_gates_and_the_last_build_alone_is_kept(tmp_path: Path) -> None:
    context = offload_context("int main(void) { return 0; }\n", tmp_path, cases=(Case("only"),))
    right = FAULTY.replace("map(to :", "map(tofrom :")
    for source in (right, right + "\n"):
        assert MAPPING.check(subject(source), context).status is GateStatus.PASS
        assert OFFLOADED.check(subject(source), context).status is GateStatus.NOT_AVAILABLE
    builds = list((tmp_path / "offload" / "build").iterdir())
    assert len(builds) == 2  # the original's and the last one's
