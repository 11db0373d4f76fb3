"""The bench on small kernels with real compilers: what is timed, what is wrong, going on after a stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopwright.core.errors import UsageError
from loopwright.core.task import Target, Task
from loopwright.suites.bench import run_bench
from loopwright.suites.bench_record import BUILTIN, TIMED, BenchFile, KernelRecord, read_bench
from loopwright.suites.columns import BuiltinColumn, Column, Found, choose_columns, make_columns
from loopwright.suites.interleave import Plan
from loopwright.suites.polly import ParallelPolly
from loopwright.suites.suite import FolderSuite
from loopwright.system.machine import this_machine
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Variant
from loopwright.workbench.settings import Settings

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")

SOURCE = """\
void scale(int n, const double *restrict x, double *restrict y)
{
    for (int i = 0; i < n; i++) {
        y[i] = 3.0 * x[i] + 1.0;
    }
}
"""
PARALLEL = SOURCE.replace("    for", "#pragma omp parallel for\n    for")
WRONG = SOURCE.replace("3.0", "3.1")
BROKEN = SOURCE.replace("3.0", "three")
TASK = """\
schema = 1
name = "NAME"
editable = ["scale.c"]
[build]
sources = ["scale.c"]
[kernel]
function = "scale"
[[kernel.argument]]
name = "n"
dtype = "i32"
value = "n"
[[kernel.argument]]
name = "x"
role = "in"
dtype = "f64"
shape = ["n"]
[[kernel.argument]]
name = "y"
role = "out"
dtype = "f64"
shape = ["n"]
[[case]]
name = "odd"
params = { n = 33 }
[[case]]
name = "full"
params = { n = 20000 }
use = "time"
"""
PLAN = Plan(3, 60.0)
SETTINGS = Settings(toolchain="gcc", threads=2, sandbox="none")


@pytest.fixture
def suite(tmp_path: Path) -> FolderSuite:
    for name in ("first", "second", "third"):
        folder = tmp_path / "suite" / name
        folder.mkdir(parents=True)
        (folder / "scale.c").write_text(SOURCE)
        (folder / "loopwright.toml").write_text(TASK.replace("NAME", name))
    return FolderSuite("small", "for tests", tmp_path / "suite")


def columns_with(text: str | None, *wanted: str) -> tuple[Column, ...]:
    """The columns `wanted` and an optimiser that answers with `text`; None: that it failed."""

    def optimise(task: Task) -> Found:
        tree = None if text is None else task.tree.replaced({"scale.c": text.encode()})
        return Found(tree, {"evaluations": 1}, "it failed")

    return choose_columns(make_columns(2, optimise), [*wanted, BUILTIN])


def bench_with(suite: FolderSuite, text: str | None, path: Path, *wanted: str) -> KernelRecord:
    columns = columns_with(text, *wanted)
    result = run_bench(suite, ["first"], columns, empty(columns), path, PLAN, SETTINGS, lambda text: None)
    assert read_bench(path) == result
    return result.kernels["first"]


def empty(columns: tuple[Column, ...]) -> BenchFile:
    return BenchFile(
        "small", "0", "now", this_machine(), 2, {"rounds": 3}, tuple(column.info for column in columns)
    )


def test_columns_are_checked_then_timed_together(suite: FolderSuite, tmp_path: Path) -> None:
    record = bench_with(suite, PARALLEL, tmp_path / "b.json", "gcc-auto", "clang", "polly", "openblas")
    assert not record.problem
    for name, cell in record.cells.items():
        if cell.status == TIMED:
            assert cell.wall_s is not None
            assert cell.wall_s > 0, name
            assert len(cell.samples_s["full"]) == 2 * record.rounds
    assert record.cells["gcc"].status == TIMED
    assert record.cells["gcc-auto"].status == TIMED, record.cells["gcc-auto"].reason
    assert record.cells["openblas"].status == "not-available"
    builtin = record.cells[BUILTIN]
    assert builtin.status == TIMED, builtin.reason
    assert builtin.speedup is not None
    assert 0 < builtin.speedup.low <= builtin.speedup.estimate <= builtin.speedup.high
    assert builtin.changes == {"scale.c": PARALLEL}
    assert record.best_compiler in record.cells
    assert record.against is not None


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [(WRONG, "wrong", "wrong_output"), (BROKEN, "failed", "build_error"), (None, "failed", "it failed")],
)
def test_a_wrong_version_is_never_timed(
    text: str | None, status: str, reason: str, suite: FolderSuite, tmp_path: Path
) -> None:
    record = bench_with(suite, text, tmp_path / "b.json")
    cell = record.cells[BUILTIN]
    assert (cell.status, cell.wall_s, cell.speedup) == (status, None, None)
    assert reason in cell.reason
    assert record.cells["gcc"].status == TIMED
    assert record.against is None


def test_an_optimiser_that_found_nothing_is_the_reference(suite: FolderSuite, tmp_path: Path) -> None:
    record = bench_with(suite, SOURCE, tmp_path / "b.json")
    cell = record.cells[BUILTIN]
    assert cell.wall_s == record.cells["gcc"].wall_s
    assert cell.speedup is not None
    assert (cell.speedup.estimate, cell.speedup.rounds, cell.changes) == (1.0, 0, {})


def test_a_broken_original_is_a_problem_of_its_kernel_alone(suite: FolderSuite, tmp_path: Path) -> None:
    (suite.folder / "first" / "scale.c").write_text(BROKEN)
    columns = columns_with(PARALLEL)
    result = run_bench(
        suite, ["first", "second"], columns, empty(columns), tmp_path / "b.json", PLAN, SETTINGS,
        lambda text: None,
    )  # fmt: skip
    assert "does not build" in result.kernels["first"].problem
    assert result.kernels["second"].cells[BUILTIN].status == TIMED


def test_stored_candidates_stand_in_for_searches(suite: FolderSuite, tmp_path: Path) -> None:
    (tmp_path / "stored" / "first").mkdir(parents=True)
    (tmp_path / "stored" / "first" / "scale.c").write_text(PARALLEL)

    def optimise(task: Task) -> Found:
        return Found(None, {}, "searched")

    column = next(c for c in make_columns(2, optimise, tmp_path / "stored") if c.info.name == BUILTIN)
    assert isinstance(column, BuiltinColumn)
    made = column.version(suite.task("first"))
    assert not isinstance(made, str)
    assert made.tree["scale.c"] == PARALLEL.encode()
    assert made.variant.target is Target.OPENMP
    assert column.version(suite.task("second")) == "searched"


def test_finished_kernels_are_not_done_again(suite: FolderSuite, tmp_path: Path) -> None:
    columns, path, told = columns_with(SOURCE), tmp_path / "b.json", []
    first = run_bench(suite, ["first"], columns, empty(columns), path, PLAN, SETTINGS, lambda text: None)
    (suite.folder / "second" / "scale.c").write_text(BROKEN)
    both = run_bench(suite, ["first", "second"], columns, first, path, PLAN, SETTINGS, told.append)
    assert both.kernels["first"] == first.kernels["first"]
    assert not [line for line in told if " first" in line]
    # What had a problem, and what has changed since, is done again.
    (suite.folder / "second" / "scale.c").write_text(SOURCE)
    (suite.folder / "first" / "scale.c").write_text(SOURCE + "\n")
    again = run_bench(suite, ["first", "second"], columns, both, path, PLAN, SETTINGS, lambda text: None)
    assert again.kernels["first"].digest != first.kernels["first"].digest
    assert not again.kernels["second"].problem


SCRIPT = """\
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_bench_engine as t
from loopwright.suites.suite import FolderSuite
suite, path = FolderSuite("small", "for tests", Path({suite!r})), Path({path!r})
columns = t.columns_with(t.SOURCE)
start = t.read_bench(path) if path.exists() else t.empty(columns)
t.run_bench(suite, suite.names(), columns, start, path, t.PLAN, t.SETTINGS, lambda text: None)
"""


def test_a_kill_loses_one_kernel_at_most(suite: FolderSuite, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    script = SCRIPT.format(tests=str(Path(__file__).parent), suite=str(suite.folder), path=str(path))
    started = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (path.exists() and read_bench(path).kernels):
        time.sleep(0.02)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    before = read_bench(path)
    assert before.kernels, "it was killed after its first kernel"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    after = read_bench(path)
    assert tuple(after.kernels) == suite.names()
    assert {name: after.kernels[name] for name in before.kernels} == dict(before.kernels)


def test_columns_by_name_and_by_prefix() -> None:
    columns = make_columns(2, lambda task: Found(None))
    assert [c.info.name for c in choose_columns(columns, [])] == [c.info.name for c in columns]
    chosen = [c.info.name for c in choose_columns(columns, ["polly"])]
    assert chosen[0] == "gcc"
    assert len(chosen) >= 2
    assert all(name.startswith("polly") for name in chosen[1:])
    assert [c.info.name for c in choose_columns(columns, ["gcc"])] == ["gcc"]
    with pytest.raises(UsageError, match="no column 'icc'"):
        choose_columns(columns, ["icc"])


def test_parallel_polly_needs_no_libomp() -> None:
    clang = Clang("clang-14", "14.0.6", Path("/usr/bin/clang-14"), openmp_problem="no omp.h")
    polly = ParallelPolly.of(clang)
    flags = polly.compile_flags(Variant(NATIVE_FLAGS, Target.SERIAL))
    assert flags == ("-O3", "-march=native", "-mllvm", "-polly", "-mllvm", "-polly-parallel")
    assert polly.link_flags(Variant(NATIVE_FLAGS, Target.SERIAL)) == ("-lgomp",)
    assert polly.name != clang.name, "a build of another name is another build"


def test_command_line(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from loopwright.cli.main import main; main()", *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)

    listed = run("suite", "list", "--json")
    assert json.loads(listed.stdout)["suites"][0]["name"] == "loops"
    shown = run("suite", "show", "loops", "gemm", "--json")
    assert "gemm.c" in json.loads(shown.stdout)["sources"]
    exported = run("suite", "export", "loops/gemm", "mine")
    assert (exported.returncode, (tmp_path / "mine" / "loopwright.toml").is_file()) == (0, True)
    for words, hint in (
        (("suite", "show", "loops", "gem"), "did you mean"),
        (("bench", "--kernels", "gem"), "did you mean"),
        (("bench", "--columns", "icc", "--kernels", "gemm"), "no column 'icc'"),
        (("bench", "report", "none.json"), "cannot read"),
        (("bench", "--json", "mine/loopwright.toml", "--kernels", "gemm"), "--resume"),
    ):
        done = run(*words)
        assert done.returncode == 2, words
        assert hint in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "bench.json").exists()


def test_the_files_of_a_task_are_those_of_its_folder(suite: FolderSuite) -> None:
    assert set(suite.files("first")) == {"scale.c", "loopwright.toml"}
