"""Checking a whole task with the final gates: a planted race, a correct loop, and a machine without clang."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loopwright import api
from loopwright.core.modes import FailureMode
from loopwright.core.verdict import Verdict
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.discovery import discover
from loopwright.workbench.settings import Settings

PARALLEL = """\
int done;
void smooth(int n, const double *in, double *out)
{
#pragma omp parallel for
    for (int i = 1; i < n - 1; i++) {
        out[i] = 0.25 * in[i - 1] + 0.5 * in[i] + 0.25 * in[i + 1];
        %s
    }
}
"""
RACE = "done = done + 1;"
KERNEL_TOML = """\
schema = 1
name = "scale"
editable = ["scale.c"]

[build]
sources = ["scale.c"]

[kernel]
function = "scale"
prototype = "double scale(int n, double *x)"
returns = "f64"

[[kernel.argument]]
name = "n"
role = "in"
dtype = "i32"
value = "n"

[[kernel.argument]]
name = "x"
role = "inout"
dtype = "f64"
shape = ["n"]

[[case]]
name = "small"
params = { n = 301 }

[[case]]
name = "full"
params = { n = 40000 }
use = "time"

[output]
rtol = 1e-9
"""
KERNEL_C = """\
double scale(int n, double *x)
{
    double sum = 0.0;
%s
    for (int i = 0; i < n; i++) {
        x[i] *= 2.0;
        sum += x[i];
    }
    return sum;
}
"""


def checked(task: Path, changes: dict[str, bytes | None]) -> Verdict:
    return api.check(task, changes, settings=Settings(sandbox="none"))


@pytest.fixture
def scale_task(tmp_path: Path, measured_home: Path) -> Path:
    """A kernel task; the machine counts as measured there."""
    folder = tmp_path / "scale"
    (folder / ".loopwright").mkdir(parents=True)
    shutil.copy(measured_home / "machine.json", folder / ".loopwright")
    (folder / "loopwright.toml").write_text(KERNEL_TOML)
    (folder / "scale.c").write_text(KERNEL_C % "")
    return folder


def needs_race_gate() -> None:
    if not any(isinstance(t, Clang) and t.archer and not t.openmp_problem for t in discover()):
        pytest.skip("no clang with libomp and Archer")


def test_a_planted_race_that_leaves_the_output_right_fails(smooth_task: Path) -> None:
    needs_race_gate()
    verdict = checked(smooth_task, {"smooth.c": (PARALLEL % RACE).encode()})
    assert verdict.verified == "failed: data_race"
    assert verdict.by_gate["outputs"] == "pass"
    assert verdict.failure is not None and verdict.failure.mode is FailureMode.DATA_RACE
    assert verdict.failure.evidence["variable"] == "done"
    assert f"smooth.c:7 `{RACE}`" in verdict.failure.message


def test_the_same_loop_without_it_is_verified(smooth_task: Path) -> None:
    needs_race_gate()
    verdict = checked(smooth_task, {"smooth.c": (PARALLEL % ";").encode()})
    assert verdict.by_gate["races"] == "pass", verdict
    assert verdict.passed


def test_without_clang_the_verdict_names_what_was_not_looked_for(
    smooth_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("gcc", "as", "ld", "valgrind"):
        if path := shutil.which(name):
            (tools / name).symlink_to(path)
    monkeypatch.setenv("PATH", str(tools))
    verdict = checked(smooth_task, {"smooth.c": (PARALLEL % RACE).encode()})
    assert verdict.by_gate["races"] == "not-available"
    assert verdict.verified.startswith("verified except: ")
    assert "races (clang missing" in verdict.verified


@pytest.mark.parametrize(
    ("pragma", "gates"),
    [
        ("#pragma omp parallel for reduction(+ : sum)", {"races": "pass", "addresses": "pass"}),
        ("", {"races": "pass", "undefined": "pass"}),
    ],
)
def test_kernel_tasks_go_through_the_driver(pragma: str, gates: dict[str, str], scale_task: Path) -> None:
    needs_race_gate()
    verdict = checked(scale_task, {"scale.c": (KERNEL_C % pragma).encode()})
    assert gates.items() <= verdict.by_gate.items(), verdict


def test_a_race_in_a_kernel_is_named_by_its_own_line(scale_task: Path) -> None:
    needs_race_gate()
    racy = (KERNEL_C % "    static double most;\n#pragma omp parallel for reduction(+ : sum)").replace(
        "sum += x[i];", "sum += x[i];\n        most = x[i] > most ? x[i] : most;"
    )
    verdict = checked(scale_task, {"scale.c": racy.encode()})
    assert verdict.failure is not None, verdict
    assert verdict.failure.mode is FailureMode.DATA_RACE
    assert "scale.c:" in verdict.failure.message and "most" in verdict.failure.message
