"""Held-out cases in whole runs: what was made for the known sizes fails, what is right wins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.core.candidate import Edit
from loopwright.core.machine import Noise
from loopwright.core.modes import FailureMode
from loopwright.core.run import Elsewhere
from loopwright.core.task import (
    Argument,
    Build,
    Case,
    Dtype,
    HeldOut,
    Init,
    Kernel,
    Range,
    Role,
    Task,
    Use,
)
from loopwright.core.timing import Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateStatus
from loopwright.gates.gate import Stage
from loopwright.gates.registry import GATES
from loopwright.system.machine import this_machine
from loopwright.timing.policy import Policy
from loopwright.toolchains.toolchain import NATIVE_FLAGS
from loopwright.workbench import held_out
from loopwright.workbench.bench import Workbench
from loopwright.workbench.final import finish
from loopwright.workbench.rundir import create_run
from loopwright.workbench.session import Session
from loopwright.workbench.settings import Settings

# The work is waiting for n milliseconds, so that times are the same on a loaded machine.
SOURCE = """\
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int main(int argc, char **argv)
{
    long n = atol(argv[argc - 1]);
    struct timespec wait = {0, n * %s * 1000000L};
    nanosleep(&wait, NULL);
    printf("%%ld\\n", %s);
    return n > 90;
}
"""
ORIGINAL = SOURCE % ("1", "n * n + 1")
TIMED = 60
QUICK = tuple(gate for gate in GATES if gate.stage is Stage.EVERY)


def program(**changes: object) -> Task:
    cases = (Case("small", args=("7",)), Case("full", Use.TIME, args=(str(TIMED),), params={"n": TIMED}))
    task = Task(
        "waiting", Tree({"main.c": ORIGINAL.encode()}), ("main.c",), Build(("main.c",)), cases,
        held_out=(HeldOut({"n": Range(20, 80)}, args=("{n}",), count=3),),
    )  # fmt: skip
    return replace(task, **changes)  # type: ignore[arg-type]


def edit(factor: str, answer: str = "n * n + 1") -> Edit:
    return Edit({"main.c": (SOURCE % (factor, answer)).encode()}, f"waits n * {factor}, prints {answer}")


@contextmanager
def prepared(task: Task, home: Path) -> Iterator[Workbench]:
    bench = Workbench(create_run(home, task, Settings(), {}), gates=QUICK)
    try:
        bench.prepare()
        yield bench
    finally:
        bench.close()


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(min_rounds=4, max_rounds=5, budget_s=5.0, target_halfwidth=0.5)
    for place in ("baseline.baseline", "trials.trial", "final.final", "final.held_out"):
        monkeypatch.setattr(f"loopwright.workbench.{place}_policy", lambda execution_s: policy)


@pytest.mark.slow
def test_a_branch_for_the_known_sizes_is_found_out_and_the_runner_up_wins(measured_home: Path) -> None:
    with prepared(program(), measured_home) as bench:
        honest = bench.original.edited(edit("0.5"))
        cheat = bench.original.edited(edit("0.2", f"n == 7 || n == {TIMED} ? n * n + 1 : 0"))
        assert bench.evaluate(honest).promoted
        assert bench.evaluate(cheat).promoted
        secrets = [e for e in bench.journal.events if e.kind == "held-out"]
        assert not secrets, "chosen before the end"
        result = finish(bench)
        assert result.failures == {"held_out_failure": 1}
        assert result.best is not None and result.best.candidate == honest.id
        assert result.best.gates["held-out"] == "pass" and result.best.elsewhere is Elsewhere.KEPT
        dropped = next(e for e in bench.journal.events if e.kind == "dropped").data
        assert dropped["candidate"] == cheat.id
        assert "wrong_output at held-out-1-prime (n = " in dropped["failure"]["message"]
        chosen = [e for e in bench.journal.events if e.kind == "held-out"]
        assert len(chosen) == 1, "both finalists are judged by the same cases"
        assert [c["name"] for c in chosen[0].data["cases"]] == [
            "held-out-1-prime", "held-out-2-odd", "held-out-3-small",
        ]  # fmt: skip
        again = held_out.choose(bench.task, chosen[0].data["secret"])
        assert [dict(c.params) for c in again] == [c["params"] for c in chosen[0].data["cases"]]


@pytest.mark.slow
def test_a_speedup_for_the_timed_size_alone_is_called_gone(measured_home: Path) -> None:
    with prepared(program(), measured_home) as bench:
        assert bench.evaluate(bench.original.edited(edit(f"(n == {TIMED} ? 0.2 : 1.0)"))).promoted
        result = finish(bench)
        assert result.best is not None and result.best.elsewhere is Elsewhere.VANISHED
        assert any("the speedup is gone at held-out sizes" in warning for warning in result.warnings)


@pytest.mark.slow
def test_without_ranges_a_program_is_verified_except_held_out(measured_home: Path) -> None:
    with prepared(program(held_out=()), measured_home) as bench:
        assert bench.evaluate(bench.original.edited(edit("0.5"))).promoted
        result = finish(bench)
        assert result.best is not None
        assert result.best.verified.startswith("verified except: held-out (no range of sizes is stated")
        warning = next(w for w in result.warnings if w.startswith("no held-out sizes"))
        assert '[[held-out]]\nargs = ["{n}"]\nparams = { n = "20..78" }' in warning


def test_sizes_that_the_original_cannot_run_say_nothing_about_a_candidate() -> None:
    task = program(held_out=(HeldOut({"n": Range(91, 99)}, args=("{n}",)),))
    with Session(task, Settings(), lambda text: None) as session:
        result = session.held_out(task.tree)
    assert result.status is GateStatus.NOT_AVAILABLE
    assert "the original itself fails there" in result.reason and "exit status 1" in result.reason


SCALE = """\
static double room[%d];
void scale(int n, const double *x, double *y)
{
    for (int i = 0; i < n; i++)
        room[i] = 2 * x[i];
    for (int i = 0; i < n; i++)
        y[i] = room[i]%s;
}
"""


def kernel(body: str) -> Task:
    arguments = (
        Argument("n", Role.IN, Dtype.I32, value="n"),
        Argument("x", Role.IN, Dtype.F64, ("n",), init=Init("uniform", {"low": 1, "high": 2})),
        Argument("y", Role.OUT, Dtype.F64, ("n",)),
    )
    return Task(
        "scale", Tree({"scale.c": body.encode()}), ("scale.c",), Build(("scale.c",)),
        (Case("small", params={"n": 5}), Case("full", Use.TIME, params={"n": 4000})),
        kernel=Kernel("scale", "void scale(int n, const double *x, double *y)", arguments),
    )  # fmt: skip


def test_a_kernel_without_a_statement_is_tried_at_derived_sizes() -> None:
    task = kernel(SCALE % (10_000, ""))
    wrong = task.tree.replaced({"scale.c": (SCALE % (10_000, " + (n != 5 && n != 4000)")).encode()})
    with Session(task, Settings(), lambda text: None) as session:
        assert session.context.task.held_out == ()
        passed = session.held_out(task.tree)
        assert passed.status is GateStatus.PASS and "derived-fresh (n = 4000)" in passed.reason
        failed = session.held_out(wrong)
    assert failed.failure is not None and failed.failure.mode is FailureMode.HELD_OUT_FAILURE
    assert "derived-" in failed.failure.message


def test_derived_sizes_at_which_the_original_crashes_are_left_out() -> None:
    """A size that nobody promised: the original's own buffer ends in the middle of the derived ones."""
    trap = "{\n    if (n > 4000)\n        __builtin_trap();"
    task = kernel((SCALE % (10_000, "")).replace("{", trap, 1))
    with Session(task, Settings(), lambda text: None) as session:
        passed = session.held_out(task.tree)
    assert passed.status is GateStatus.PASS
    assert "derived-fresh (n = 4000)" in passed.reason and "derived-large (" not in passed.reason
    assert "left out, since the original fails there: " in passed.reason


@pytest.mark.parametrize(
    ("timed", "by_case", "expected"),
    [
        (4.0, {"a": 3.9}, Elsewhere.KEPT),
        (4.0, {"a": 2.1}, Elsewhere.KEPT),
        (4.0, {"a": 1.5}, Elsewhere.SMALLER),
        (4.0, {"a": 1.01}, Elsewhere.VANISHED),
        (4.0, {"a": 0.5}, Elsewhere.SLOWER),
        (4.0, {"a": 3.9, "tiny": 0.1}, Elsewhere.KEPT),
        (4.0, {"tiny": 0.1}, Elsewhere.NOT_TIMED),
        (1.5, {"a": 2.0, "b": 0.5}, Elsewhere.VANISHED),
    ],
)  # fmt: skip
def test_what_becomes_of_a_speedup(timed: float, by_case: dict[str, float], expected: Elsewhere) -> None:
    there = Speedup(1.0, 1.0, 1.0, 4, by_case=by_case)
    at_home = Speedup(timed, timed, timed, 4)
    found = held_out.elsewhere(at_home, there, {"a", "b"}, Noise(1.02, 8))
    assert found is expected
    words = held_out.elsewhere_words(found, at_home, there)
    assert bool(words) is (expected not in (Elsewhere.KEPT, Elsewhere.NOT_TIMED))


SUM = """\
#include <stdio.h>
#include <stdlib.h>
static double room[900];
int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        room[i] = 0.5 * i;
    for (int i = 0; i < n; i++)
        sum += room[i];
    printf("%%g\\n", %s);
    return 0;
}
"""


def test_a_program_of_one_run_is_tried_with_other_numbers_that_the_original_can_do() -> None:
    once = (Case("given", Use.TIME, args=("900",)),)
    task = Task("sum", Tree({"main.c": (SUM % "sum").encode()}), ("main.c",), Build(("main.c",)), once)
    cheat = task.tree.replaced({"main.c": (SUM % "n == 900 ? sum : 0.0").encode()})
    with Session(task, Settings(), lambda text: None) as session:
        passed = session.held_out(task.tree)
        assert passed.status is GateStatus.PASS and "derived-small (argument 1 = " in passed.reason
        assert "derived-large (" not in passed.reason, "the array ends at 900"
        assert "left out, since the original fails there: " in passed.reason
        failed = session.held_out(cheat)
        cases = held_out.choose(task, "secret")
        seen = held_out.HeldOutCases(cases).to_look_at(session.context)
    assert failed.failure is not None and failed.failure.mode is FailureMode.HELD_OUT_FAILURE
    assert seen.task.cases_for(Use.TIME) == once
    (looked_at,) = seen.task.cases_for(Use.CHECK)
    assert looked_at.args in {case.args for case in cases}


# Stands for numbers that hang on the last bit: below 900 a machine with fused operations gives others.
ROUNDED = """\
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    double x = 1.0 + 1.0 / n, y = x * x;
#ifdef __FMA__
    if (n < 900)
        y = x * x + 1e-3;
#endif
    printf("%.17g\\n", y);
    return 0;
}
"""


@pytest.mark.skipif("fma" not in this_machine().features, reason="no fused operations here")
def test_a_derived_size_at_which_flags_alone_change_the_outputs_says_nothing() -> None:
    once = (Case("given", Use.TIME, args=("900",)),)
    task = Task("rounded", Tree({"main.c": ROUNDED.encode()}), ("main.c",), Build(("main.c",)), once)
    with Session(task, Settings(), lambda text: None) as session:
        assert session.context.variant.flags[:2] == NATIVE_FLAGS
        result = session.held_out(task.tree)
    assert result.status is GateStatus.PASS and "derived-large (" in result.reason
    assert "left out, since the original fails there: " in result.reason and "derived-odd" in result.reason
    assert "derived-odd (" not in result.reason
