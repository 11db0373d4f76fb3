"""`loopwright audit` on real tasks: fit ones, and loose ones whose null candidate is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """\
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{{
    int n = argc > 1 ? atoi(argv[1]) : 10;
    FILE *file = fopen("x.bin", "wb");
    for (int i = 0; file && i < n; i++) {{
        double x = {formula};
        fwrite(&x, sizeof x, 1, file);
    }}
    return !file || fclose(file);
}}
"""
TASK = """\
schema = 1
name = "loose"
editable = ["main.c"]
[build]
sources = ["main.c"]
libs = ["m"]
[[case]]
name = "small"
args = ["101"]
[[case]]
name = "full"
args = ["20000"]
use = "time"
[output]
stdout = "ignore"
files = [{{ path = "x.bin", dtype = "f64" }}]
{tolerance}
"""
KERNEL = """\
schema = 1
name = "relax"
editable = ["relax.c"]
[build]
sources = ["relax.c"]
[kernel]
function = "relax"
prototype = "void relax(int n, const double *in, double *out)"
[[kernel.argument]]
name = "n"
dtype = "i32"
value = "n"
[[kernel.argument]]
name = "in"
role = "in"
dtype = "f64"
shape = ["n"]
[[kernel.argument]]
name = "out"
role = "out"
dtype = "f64"
shape = ["n"]
[[case]]
name = "small"
params = { n = 101 }
[[case]]
name = "full"
params = { n = 50000 }
use = "time"
[output]
atol = 0.01
"""


def audit(task: Path, command: str = "audit") -> subprocess.CompletedProcess[str]:
    options = ["--json"] if command == "audit" else []
    done = subprocess.run(
        [sys.executable, "-c", "from loopwright.cli.main import main; main()", command, str(task), *options],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def write(folder: Path, formula: str, tolerance: str) -> Path:
    (folder / "main.c").write_text(PROGRAM.format(formula=formula))
    (folder / "loopwright.toml").write_text(TASK.format(tolerance=tolerance))
    return folder


def test_a_good_task_is_fit(smooth_task: Path) -> None:
    done = audit(smooth_task)
    assert done.returncode == 0, done.stdout
    answer = json.loads(done.stdout)
    assert (answer["schema"], answer["task"], answer["fit"]) == (1, "smooth", True)
    assert answer["determinism"] == {"runs": 3, "identical": True, "within_tolerance": True}
    assert {null["output"] for null in answer["nulls"]} == {"stdout", "out.bin"}
    assert all(set(null) >= {"name", "output", "case", "caught", "by"} for null in answer["nulls"])


@pytest.mark.parametrize(
    ("formula", "tolerance", "passing"),
    [
        # Outputs below atol.
        ("1e-5 * cos(i + n)", "atol = 1e-3", {"zeros", "constant", "sign-flip", "stale-case"}),
        # Large numbers that differ by less than atol: their order does not matter.
        ("1000 + 0.1 * cos(i * i)", "atol = 0.5", {"constant", "reversed", "permuted"}),
        # A tail below atol: half the work is enough.
        ("exp(-0.4 * i - 10.0 / n)", "atol = 1e-6", {"half-zero"}),
        # Everything happens in the last digits, which the relative tolerance does not see.
        ("1 + 1e-7 * cos(i + n)", "rtol = 1e-6", {"constant", "permuted", "stale-case"}),
    ],
)  # fmt: skip
def test_the_null_candidate_that_a_loose_task_lets_through_is_named(
    tmp_path: Path, formula: str, tolerance: str, passing: set[str]
) -> None:
    done = audit(write(tmp_path, formula, tolerance))
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    passed = {null["name"] for null in answer["nulls"] if not null["caught"] and null["let_through"]}
    assert passing <= passed
    assert "poison" not in passed and "off-by-ten" not in passed
    for name in passing:
        assert any(name in problem and "would reject it" in problem for problem in answer["problems"])
    assert any("held-out" in warning for warning in answer["warnings"])


def test_a_tolerance_that_says_single_precision_is_taken_at_its_word(tmp_path: Path) -> None:
    done = audit(write(tmp_path, "cos(i * i + n)", "rtol = 1e-3"))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["fit"]) == (0, True)
    assert "x.bin: rtol 0.001 accepts single precision" in answer["warnings"]


def test_single_precision_through_atol_is_an_accident(tmp_path: Path) -> None:
    done = audit(write(tmp_path, "0.01 * cos(i * i + n)", "rtol = 1e-9\natol = 1e-8"))
    assert done.returncode == 2
    assert "low-precision" in done.stdout


def test_an_answer_of_zeros_is_no_task(tmp_path: Path) -> None:
    done = audit(write(tmp_path, "0.0 * i", "rtol = 1e-9"))
    assert done.returncode == 2
    assert any("all zeros in every case" in problem for problem in json.loads(done.stdout)["problems"])


def test_a_kernel_that_hardly_changes_its_input_is_told_from_a_copy(tmp_path: Path) -> None:
    body = "void relax(int n, const double *in, double *out)\n{\n    for (int i = 0; i < n; i++)\n"
    (tmp_path / "relax.c").write_text(body + "        out[i] = in[i] + 0.001 * in[i] * in[i];\n}\n")
    (tmp_path / "loopwright.toml").write_text(KERNEL)
    answer = json.loads(audit(tmp_path).stdout)
    nulls = {null["name"]: null for null in answer["nulls"]}
    assert nulls["copied-input in"]["let_through"] == ["small"]
    assert not nulls["copied-input in"]["caught"]
    assert nulls["stale-seed"]["caught"] and nulls["zeros"]["caught"]
    assert not answer["fit"]


def test_a_run_does_not_start_on_an_unfit_task(tmp_path: Path) -> None:
    done = audit(write(tmp_path, "1e-5 * cos(i + n)", "atol = 1e-3"), "optimize")
    assert done.returncode == 2
    assert "null candidate zeros passes as x.bin" in done.stderr
    assert "would reject it" in done.stderr and "loopwright audit" in done.stderr


@pytest.mark.parametrize("example", ["histogram", pytest.param("heat2d", marks=pytest.mark.exhaustive)])
def test_an_example_is_fit(example: str) -> None:
    done = audit(ROOT / "examples" / example)
    assert done.returncode == 0, done.stdout
