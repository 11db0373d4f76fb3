"""The command line as a user meets it: real processes, exit statuses, JSON, messages without tracebacks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FASTER = """\
void smooth(int n, const double *in, double *out)
{
    for (int i = 1; i < n - 1; i++)
        out[i] = 0.25 * (in[i - 1] + in[i + 1]) + 0.5 * in[i];
}
"""


def loopwright(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "loopwright", *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_version_and_help() -> None:
    assert loopwright("--version").stdout.startswith("loopwright 0.")
    commands = (
        "optimize",
        "check",
        "time",
        "profile",
        "analyze",
        "init",
        "doctor",
        "report",
        "apply",
        "runs",
        "lessons",
    )
    shown = loopwright("--help").stdout
    for command in commands:
        assert command in shown
        assert loopwright(command, "--help").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["nonsense"], "No such command"),
        (["optimize", "--bogus"], "No such option"),
        (["optimize", "missing"], "no such file or folder"),
        (["optimize", ".", "--budget", "soon"], "not a duration"),
        (["optimize", ".", "--budget", "0s"], "allows nothing"),
        (["optimize", ".", "--evaluations", "0"], "allow nothing"),
        (["optimize", ".", "--agent", "oracle"], "unknown agent"),
        (["optimize", ".", "--agent", "cmd:"], "an empty command"),
        (["optimize", ".", "--strategy", "luck"], "unknown strategy"),
        (["optimize", ".", "--target", "quantum"], "unknown target"),
        (["optimize", ".", "--toolchain", "icc"], "icc"),
        (["optimize", ".", "--sandbox", "paper"], "unknown sandbox"),
        (["optimize", ".", "--threads", "0"], "0 threads"),
        (["optimize", ".", "--", "1"], "single source file"),
        (["time", "."], "what is to be timed?"),
        (["check", ".", "missing"], "not a folder"),
        (["report", "last"], "no run"),
        (["runs", "resume", "x"], "no run"),
        (["apply", "x"], "no run"),
    ],
)
def test_wrong_use_is_status_2_with_a_hint(smooth_task: Path, arguments: list[str], fragment: str) -> None:
    done = loopwright(*arguments, cwd=smooth_task)
    assert done.returncode == 2, done.stderr
    assert fragment in done.stderr


def test_check_passes_the_original_and_names_what_is_wrong(smooth_task: Path, tmp_path: Path) -> None:
    passed = loopwright("check", smooth_task, "--json")
    assert passed.returncode == 0
    answer = json.loads(passed.stdout)
    assert (answer["schema"], answer["verdict"], answer["failure"]) == (1, "pass", None)
    assert answer["gates"]["outputs"] == "pass"
    candidate = tmp_path / "candidate"
    candidate.mkdir()
    (candidate / "smooth.c").write_text(FASTER.replace("0.5 * in[i]", "0.4999 * in[i]"))
    failed = loopwright("check", smooth_task, candidate, "--json")
    assert failed.returncode == 1
    failure = json.loads(failed.stdout)["failure"]
    assert (failure["mode"], failure["gate"]) == ("wrong_output", "outputs")
    (candidate / "main.c").write_text("int main(void) { return 0; }\n")
    failed = loopwright("check", smooth_task, candidate)
    assert failed.returncode == 1 and "protected_file" in failed.stdout


def test_time_gives_an_interval_and_every_sample(smooth_task: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "candidate"
    candidate.mkdir()
    (candidate / "smooth.c").write_text(FASTER)
    done = loopwright("time", smooth_task, candidate, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    speedup = answer["speedup"]
    assert (answer["schema"], answer["a"], answer["b"]) == (1, "original", "candidate")
    assert 0 < speedup["low"] <= speedup["estimate"] <= speedup["high"]
    assert len(answer["samples"]["a"]["full"]) == len(answer["samples"]["b"]["full"]) == 2 * speedup["rounds"]


def test_a_broken_original_is_the_tasks_fault(smooth_task: Path) -> None:
    source = (smooth_task / "smooth.c").read_text()
    (smooth_task / "smooth.c").write_text(source.replace("out[i] =", "oops[i] ="))
    done = loopwright("check", smooth_task)
    assert done.returncode == 2
    assert "does not build" in done.stderr and "oops" in done.stderr
    (smooth_task / "smooth.c").write_text(source.replace("for (", "__builtin_abort(); for ("))
    done = loopwright("check", smooth_task)
    assert done.returncode == 2 and "the original fails" in done.stderr and "SIGABRT" in done.stderr


def test_an_original_that_prints_the_time_is_not_deterministic(smooth_task: Path) -> None:
    main = (smooth_task / "main.c").read_text()
    clock = 'struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); printf("took %ld\\n", t.tv_nsec);'
    (smooth_task / "main.c").write_text(
        "#include <time.h>\n" + main.replace('printf("sum', clock + ' printf("sum')
    )
    done = loopwright("check", smooth_task)
    assert done.returncode == 2 and "another result when run again" in done.stderr and "ignore" in done.stderr


@pytest.mark.slow
def test_optimize_report_apply(smooth_task: Path, measured_home: Path) -> None:
    done = loopwright("optimize", smooth_task, "--home", measured_home, "--json", "--evaluations", "3")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    contract = {"schema", "run", "task", "target", "agent", "status", "best", "baseline", "evaluations",
                "failures", "elapsed_s"}  # fmt: skip
    assert contract <= set(result) and result["status"] in ("improved", "no-gain")
    folder = Path(result["directory"])
    page = (folder / "report.html").read_text()
    assert not re.search(r"""(?:src|href)=["'](?!#)|@import|<script""", page), "the page needs something else"
    assert loopwright("report", folder).returncode == 0
    listed = json.loads(loopwright("runs", "list", "--home", measured_home, "--json").stdout)
    assert result["run"] in [row["run"] for row in listed["runs"]]
    shown = json.loads(loopwright("runs", "show", folder, "--json").stdout)
    assert len(shown["evaluations"]) == result["evaluations"]
    applied = loopwright("apply", folder)
    if result["best"] is None:
        assert applied.returncode == 2 and "nothing to apply" in applied.stderr
        return
    assert {"candidate", "verified", "speedup", "wall_s", "gates"} <= set(result["best"])
    assert applied.returncode == 0 and "smooth.c" in applied.stdout
    assert "#pragma omp" in (smooth_task / "smooth.c").read_text()
    assert "already applied" in loopwright("apply", folder).stdout
    (smooth_task / "smooth.c").write_text("/* edited since */\n")
    refused = loopwright("apply", folder)
    assert refused.returncode == 2 and "changed since the run began" in refused.stderr
    assert (smooth_task / "smooth.c").read_text() == "/* edited since */\n"


def test_a_single_file_needs_no_task(tmp_path: Path, measured_home: Path) -> None:
    (tmp_path / "scale.c").write_text(
        """#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int n = atoi(argv[1]);
    double *x = malloc(n * sizeof *x), s = 0;
    for (int i = 0; i < n; i++)
        x[i] = i * 0.5;
    for (int i = 0; i < n; i++)
        s += x[i] * x[i];
    printf("%.12g\\n", s);
    return 0;
}
"""
    )
    done = loopwright(
        "optimize", tmp_path / "scale.c", "--home", measured_home, "--evaluations", 1, "--json", "--", 100000
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["task"] == "scale" and result["evaluations"] <= 1
    assert any("no check case" in warning for warning in result["warnings"])
    if result["best"] is not None:
        assert result["best"]["gates"]["held-out"] == "pass"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scale.c"], "nothing is written beside the file"


def test_without_a_compiler_the_status_is_3(smooth_task: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from loopwright.cli.main import main; main()", "check", str(smooth_task)],
        capture_output=True, text=True, env={"PATH": "/nowhere", "HOME": os.environ.get("HOME", "/")},
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr and "install" in done.stderr
