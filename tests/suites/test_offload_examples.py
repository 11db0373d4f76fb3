"""The offload examples: fit by their own checks, and every expert's version right on a memory of its own.

The experts' versions are compiled for clang's device on the host, whose memory lies beside the program's: a
wrong mapping gives a wrong answer there, and a control shows that it does.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Case, Language, Target, Task, Use
from loopwright.core.tree import Tree
from loopwright.gates.compare import AnyArray, Mismatch, first_mismatch
from loopwright.gates.nulls import Known, judge_nulls
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.harness.types import BuildResult
from loopwright.system.execution import Limits
from loopwright.system.sandbox import choose_runner
from loopwright.tasks.held_out import ends_of
from loopwright.tasks.load import load_task
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import Toolchain, Variant
from loopwright.workbench.audit import conclusions

OFFLOAD = Path(__file__).parents[2] / "examples" / "offload"
EXPERT = OFFLOAD / "expert"
NAMES = ("cg", "histogram", "matmul", "nbody", "reduction", "spmv", "stencil")
DEVICE = {"OMP_TARGET_OFFLOAD": "MANDATORY", "LIBOMP_NUM_HIDDEN_HELPER_THREADS": "0"}
PROBE = """\
#include <omp.h>
int main(void)
{
    int x = 1, host = 1;
#pragma omp target map(to: x) map(from: host)
    {
        x = 2;
        host = omp_is_initial_device();
    }
    return host || x != 1;
}
"""
Outputs = Mapping[str, AnyArray]


def serial(task: Task, folder: Path) -> BuildResult:
    flags = ("-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
    build = Builder(task, choose_runner("none"), folder).build(
        task.tree, find("gcc"), Variant(flags, Target.SERIAL)
    )
    assert build.failure is None, build.log
    return build


def outputs(task: Task, build: BuildResult, case: Case, folder: Path) -> Outputs:
    runner = CaseRunner(task, choose_runner("none"), folder, cores=2)
    run = runner.run(build, case, Limits(), threads=2, gate="test")
    assert run.failure is None, (case.name, run.failure)
    return run.outputs


@cache
def device() -> tuple[Toolchain, Variant]:
    """clang and how to compile for its device on the host; skips where that does not work."""
    try:
        clang = find("clang")
    except ToolMissing as error:
        pytest.skip(f"no clang: {error}")
    argv = [str(clang.compiler(Language.C)), "-print-file-name=libomptarget.so"]
    printed = subprocess.run(argv, capture_output=True, text=True, check=True)
    library = Path(printed.stdout.strip())
    if not library.is_absolute():
        pytest.skip(f"{clang.name} has no libomptarget")
    flags = (
        "-Wno-unused-command-line-argument",
        "-fopenmp",
        "-fopenmp-targets=x86_64-pc-linux-gnu",
        f"-Wl,-rpath,{library.resolve().parent}",
    )
    return clang, Variant(("-O1", "-Wall", "-Wextra", "-Werror", *flags), Target.SERIAL)


@pytest.fixture(scope="module")
def host_device(tmp_path_factory: pytest.TempPathFactory) -> tuple[Toolchain, Variant]:
    clang, variant = device()
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.c").write_text(PROBE)
    argv = [str(clang.compiler(Language.C)), *variant.flags, "probe.c", "-o", "probe"]
    built = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        pytest.skip(f"{clang.name} does not compile for a device on the host: {built.stderr[:300]}")
    ran = subprocess.run([folder / "probe"], env=DEVICE, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        pytest.skip(f"target regions do not run on a memory of their own here: {ran.stderr[:300]}")
    return clang, variant


def test_every_example_is_here_and_has_an_expert() -> None:
    assert tuple(sorted(path.parent.name for path in OFFLOAD.glob("*/loopwright.toml"))) == NAMES
    assert tuple(sorted(path.name for path in EXPERT.iterdir())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_serial_and_whole(name: str) -> None:
    task = load_task(OFFLOAD / name)
    assert (task.name, task.language, task.kernel) == (name, Language.C, None)
    assert task.summary and task.held_out and task.output.files
    assert len(task.cases_for(Use.CHECK)) >= 3
    assert len(task.cases_for(Use.TIME)) == 1
    assert not any(b"#pragma" in text for text in task.tree.values())
    for case in task.cases:
        assert task.work.bytes_of(case) is not None
        assert case.args == tuple(str(value) for value in case.params.values())
    assert {path.name for path in (EXPERT / name).iterdir()} == set(task.editable_files)


@pytest.mark.parametrize("name", NAMES)
def test_null_candidates_fail_in_its_check_cases(name: str, tmp_path: Path) -> None:
    task = load_task(OFFLOAD / name)
    build = serial(task, tmp_path)
    expected = {case.name: outputs(task, build, case, tmp_path) for case in task.cases_for(Use.CHECK)}
    problems, _ = conclusions(task, expected, judge_nulls(task, Known(expected, {})))
    assert problems == ()
    for case in ends_of(task)[:1]:
        outputs(task, build, case, tmp_path)


def compared(
    task: Task, expert: bytes, where: tuple[Toolchain, Variant], folder: Path
) -> list[Mismatch | None]:
    """What differs from the original in each check case, and at the small end of the held-out sizes."""
    (path,) = task.editable_files
    tree: Tree = task.tree.replaced({path: expert})
    built = Builder(task, choose_runner("none"), folder / "expert").build(tree, *where)
    assert built.failure is None, built.log
    original = serial(task, folder / "original")
    found: list[Mismatch | None] = []
    for case in (*task.cases_for(Use.CHECK), *ends_of(task)[:1]):
        right = outputs(task, original, case, folder)
        on_device = outputs(task, built, replace(case, env={**case.env, **DEVICE}), folder)
        found.append(first_mismatch(task, right, on_device))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_experts_version_is_right_on_the_device(
    name: str, host_device: tuple[Toolchain, Variant], tmp_path: Path
) -> None:
    task = load_task(OFFLOAD / name)
    (path,) = task.editable_files
    found = compared(task, (EXPERT / name / path).read_bytes(), host_device, tmp_path)
    assert found == [None] * len(found) and len(found) >= 4


@pytest.mark.parametrize("name", ["cg", "matmul", "spmv"])
def test_a_result_that_stays_on_the_device_is_seen(
    name: str, host_device: tuple[Toolchain, Variant], tmp_path: Path
) -> None:
    task = load_task(OFFLOAD / name)
    (path,) = task.editable_files
    text = (EXPERT / name / path).read_text()
    array = {"cg": "x[0:cells]", "matmul": "c[0:n * p]", "spmv": "x[0:rows]"}[name]
    right, wrong = f"map(tofrom: {array})", f"map(to: {array})"
    assert text.count(right) == 1
    found = compared(task, text.replace(right, wrong).encode(), host_device, tmp_path)
    assert all(each is not None for each in found)
