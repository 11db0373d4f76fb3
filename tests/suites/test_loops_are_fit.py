"""The tasks of suite loops: no warnings, right in the real driver, and no null candidate passes.

Only the check cases run; `loopwright audit` on every task, its timed case included, is for a release.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.core.errors import UsageError
from loopwright.core.expressions import evaluate_int
from loopwright.core.task import Target, Use
from loopwright.gates.compare import AnyArray, first_mismatch
from loopwright.gates.nulls import Known, judge_nulls
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner, RunOptions
from loopwright.suites.blas import SOURCES as BLAS
from loopwright.suites.blas import blas_problem, blas_sources
from loopwright.suites.registry import LOOPS, find_suite
from loopwright.suites.suite import export_task, select
from loopwright.system.execution import Limits
from loopwright.system.sandbox import choose_runner
from loopwright.tasks.load import load_task
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import Variant
from loopwright.workbench.audit import conclusions

_WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only")


@pytest.mark.parametrize("compiler", ["gcc", "clang-19", "clang"])
def test_no_source_gives_a_warning(compiler: str) -> None:
    path = shutil.which(compiler)
    if path is None:
        pytest.skip(f"no {compiler}")
    sources = [str(path) for path in sorted(LOOPS.folder.glob("*/*.c"))]
    done = subprocess.run([path, *_WARNINGS, "-O2", *sources], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", LOOPS.names())
def test_original_passes_and_null_candidates_fail(name: str, tmp_path: Path) -> None:
    task = LOOPS.task(name)
    runner = choose_runner("none")
    builder = Builder(task, runner, tmp_path)
    build = builder.build(task.tree, find("gcc"), Variant(("-O0",), Target.SERIAL))
    assert build.failure is None, build.log
    cases = CaseRunner(task, runner, tmp_path, cores=1)
    expected: dict[str, Mapping[str, AnyArray]] = {}
    other_seed: dict[str, Mapping[str, AnyArray]] = {}
    for case in task.cases_for(Use.CHECK):
        for placement in ("end", "start"):
            run = cases.run(
                build, case, Limits(), threads=1, gate="test", options=RunOptions(placement=placement)
            )
            assert run.failure is None, run.failure
            before = expected.setdefault(case.name, run.outputs)
            assert first_mismatch(task, before, run.outputs) is None
        other = cases.run(build, replace(case, seed=case.seed + 1), Limits(), threads=1, gate="test")
        other_seed[case.name] = other.outputs
    problems, _ = conclusions(task, expected, judge_nulls(task, Known(expected, other_seed)))
    assert problems == ()


@pytest.mark.parametrize("name", LOOPS.names())
def test_cases_are_of_three_sizes(name: str) -> None:
    task = LOOPS.task(name)

    def elements(use: Use) -> int:
        assert task.kernel is not None
        (case, *_) = reversed(task.cases_for(use))
        arrays = [a for a in task.kernel.arguments if a.is_array]
        total = 0
        for array in arrays:
            size = 1
            for extent in array.shape:
                size *= evaluate_int(extent, case.params)
            total += size
        return total

    check, time, held_out = (elements(use) for use in (Use.CHECK, Use.TIME, Use.HELD_OUT))
    assert len(task.cases_for(Use.CHECK)) >= 2
    assert check < 50_000, "check cases are small, so that gates are fast"
    assert check < held_out
    assert time != held_out
    for case in task.cases:
        for stated in (task.work.bytes_of(case), task.work.flops_of(case)):
            assert stated is None or stated >= 0


def test_subsets_name_tasks_and_the_thirty_are_all_there() -> None:
    for members in LOOPS.subsets.values():
        assert set(members) <= set(LOOPS.names())
    thirty, beyond = LOOPS.subsets["polybench30"], LOOPS.subsets["beyond"]
    assert (len(thirty), len(beyond), len(LOOPS.subsets["show14"])) == (30, 11, 14)
    assert sorted((*thirty, *beyond)) == sorted(LOOPS.names())


def test_select_takes_names_and_subsets_once_each() -> None:
    assert select(LOOPS, ["mvt", "show14"])[:2] == ("mvt", "gemm")
    assert len(select(LOOPS, ["mvt", "show14"])) == 14
    assert select(LOOPS, []) == LOOPS.names()
    with pytest.raises(UsageError, match="did you mean 'cholesky'"):
        select(LOOPS, ["choleski"])
    with pytest.raises(UsageError, match="unknown suite"):
        find_suite("loop")


def test_exported_task_is_the_task(tmp_path: Path) -> None:
    export_task(LOOPS, "lu", tmp_path / "lu")
    assert load_task(tmp_path / "lu").digest == LOOPS.task("lu").digest
    with pytest.raises(UsageError, match="not empty"):
        export_task(LOOPS, "lu", tmp_path / "lu")
    with pytest.raises(UsageError, match="no task 'lux'"):
        export_task(LOOPS, "lux", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_blas_versions_replace_editable_files_of_tasks() -> None:
    for folder in sorted(path for path in BLAS.iterdir() if path.is_dir()):
        task = LOOPS.task(folder.name)
        assert {path.name for path in folder.iterdir()} == set(task.editable_files), folder.name


@pytest.mark.parametrize("name", sorted(path.name for path in BLAS.iterdir() if path.is_dir()))
def test_blas_version_gives_what_the_original_gives(name: str, tmp_path: Path) -> None:
    gcc = find("gcc")
    if problem := blas_problem(gcc):
        pytest.skip(problem)
    task = LOOPS.task(name)
    libs = replace(task, build=replace(task.build, libs=(*task.build.libs, "openblas")))
    runner = choose_runner("none")
    cases = CaseRunner(task, runner, tmp_path, cores=2)
    variant = Variant(("-O1",), Target.SERIAL)
    builds = [
        Builder(task, runner, tmp_path / "original").build(task.tree, gcc, variant),
        Builder(libs, runner, tmp_path / "blas").build(task.tree.replaced(blas_sources(name)), gcc, variant),
    ]
    assert [build.failure for build in builds] == [None, None]
    options = RunOptions(placement="end")
    for case in task.cases_for(Use.CHECK):
        runs = [cases.run(b, case, Limits(), threads=2, gate="test", options=options) for b in builds]
        assert [run.failure for run in runs] == [None, None]
        assert first_mismatch(task, runs[0].outputs, runs[1].outputs) is None
