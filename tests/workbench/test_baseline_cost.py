"""Measuring the original may not eat the time that belongs to the search."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.core.candidate import Edit
from loopwright.core.run import Budget
from loopwright.core.task import Build, Case, Language, Target, Task, Use
from loopwright.core.tree import Tree
from loopwright.timing.policy import Policy
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Variant
from loopwright.workbench import baseline as measured
from loopwright.workbench.bench import Workbench
from loopwright.workbench.final import finish
from loopwright.workbench.journal import read_journal
from loopwright.workbench.rundir import create_run
from loopwright.workbench.settings import Settings

# The compiler's own parallelisation is told from the other builds by the macro that the task's Makefile sets.
SOURCE = """#include <stdio.h>
#include <time.h>
#ifndef WAIT
#define WAIT 20
#endif
int main(void) {
    struct timespec pause = {WAIT / 1000, WAIT % 1000 * 1000000L};
    nanosleep(&pause, NULL);
    puts("42");
    return 0;
}
"""
SLOW_WHEN_PARALLEL = (
    "for flag in {cflags}; do case $flag in *parallelize*) more=-DWAIT=%d;; esac; done; "
    "{cc} {cflags} $more -o {exe} p.c"
)


def sleeper(auto_parallel_ms: int) -> Task:
    return Task(
        name="sleeper",
        tree=Tree({"p.c": SOURCE.encode()}),
        editable=("p.c",),
        build=Build(command=SLOW_WHEN_PARALLEL % auto_parallel_ms),
        cases=(Case("only", use=Use.TIME),),
        language=Language.C,
    )


def test_a_slow_parallel_version_by_the_compiler_is_timed_once(measured_home: Path) -> None:
    run = create_run(measured_home, sleeper(200), Settings(), {})
    bench = Workbench(run)
    baseline = bench.prepare()
    bench.close()
    assert baseline.variants["auto_parallel"] >= 0.2
    [event] = [e for e in read_journal(run.journal) if e.kind == "baseline"]
    assert "auto_parallel" not in {c["b"] for c in event.data["comparisons"]}


def test_a_close_one_is_timed_in_turn(measured_home: Path) -> None:
    run = create_run(measured_home, sleeper(22), Settings(), {})
    bench = Workbench(run)
    bench.prepare()
    bench.close()
    [event] = [e for e in read_journal(run.journal) if e.kind == "baseline"]
    assert "auto_parallel" in {c["b"] for c in event.data["comparisons"]}


def test_nobody_waits_for_a_version_that_does_not_end(
    measured_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "_GRACE_S", 0.5)
    run = create_run(measured_home, sleeper(60_000), Settings(), {})
    bench = Workbench(run)
    baseline = bench.prepare()
    bench.close()
    assert "3 times slower" in baseline.rejected["auto_parallel"]
    assert "auto_parallel" not in baseline.variants


def test_half_of_the_budget_is_left_for_the_search_on_a_resumed_run_too(measured_home: Path) -> None:
    run = create_run(measured_home, sleeper(200), Settings(budget=Budget(wall_s=0.5)), {})
    bench = Workbench(run)
    bench.prepare()
    assert bench.journal.run_s > 0.5
    left = bench.remaining_s
    bench.close()
    assert left is not None and 0 < left <= 0.25
    again = Workbench(run)
    assert again.remaining_s is not None and 0 < again.remaining_s <= 0.25
    again.close()


def test_what_ran_out_is_said(measured_home: Path) -> None:
    run = create_run(measured_home, sleeper(200), Settings(budget=Budget(wall_s=0.01)), {})
    bench = Workbench(run)
    bench.prepare()
    while bench.remaining_s:
        time.sleep(0.01)
    result = finish(bench)
    bench.close()
    assert "--budget" in result.reason


FLAGS_OF_THE_ORIGINAL = ("-O2", "-DWAIT=60")


def test_candidates_may_be_built_with_flags_that_did_nothing_for_the_original(
    measured_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own flags the original waits for half as long; the candidate, with others, for a quarter. That
    counts as no worse here, since two times that are really close would make the test one of the machine.
    """
    policy = Policy(min_rounds=4, max_rounds=4, budget_s=5.0)
    for place in ("baseline.baseline", "baseline.report", "trials.trial"):
        monkeypatch.setattr(f"loopwright.workbench.{place}_policy", lambda execution_s: policy)
    source = SOURCE.replace("WAIT 20", "WAIT 120")
    task = replace(sleeper(200), tree=Tree({"p.c": source.encode()}))
    task = replace(task, build=Build(sources=("p.c",), flags=FLAGS_OF_THE_ORIGINAL))
    monkeypatch.setattr(measured, "_NO_WORSE", 0.2)
    bench = Workbench(create_run(measured_home, task, Settings(), {}))
    baseline = bench.prepare()
    assert baseline.variant == "own" and baseline.flags == FLAGS_OF_THE_ORIGINAL
    assert baseline.built_with == NATIVE_FLAGS
    edit = Edit({"p.c": source.replace("WAIT 120", "WAIT 30").encode()}, "shorter")
    evaluation = bench.evaluate(bench.original.edited(edit))
    bench.close()
    assert evaluation.promoted and evaluation.speedup is not None
    assert 1.2 < evaluation.speedup.estimate < 3, "the original is timed at its own flags"


@pytest.mark.parametrize(
    ("line", "fast_math", "more"),
    [
        ("double y = x * x;", False, ()),
        ("double y = sqrt(x);", False, ("-fno-math-errno",)),
        ("float my_errno = sqrtf(x);", True, ("-fno-math-errno", "-ffast-math")),
        ("double y = sqrt(x); if (errno) exit(1);", False, ()),
        ("if (math_errhandling & MATH_ERRNO) return;", False, ()),
    ],
)
def test_errno_of_mathematics_is_kept_for_who_asks(line: str, fast_math: bool, more: tuple[str, ...]) -> None:
    task = replace(sleeper(20), tree=Tree({"p.c": line.encode()}), fast_math=fast_math)
    variant = measured.native_variant(Variant(("-O2",), Target.OPENMP), task)
    assert variant.flags == (*NATIVE_FLAGS, *more)
