"""A first look of one round orders candidates, promotes nothing, and is the same evaluation as its trial."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopwright.core.candidate import Edit
from loopwright.core.run import Budget, RunStatus
from loopwright.core.task import Build, Case, Language, Task, Use
from loopwright.core.tree import Tree
from loopwright.workbench.bench import BudgetSpent, Workbench
from loopwright.workbench.final import finish
from loopwright.workbench.journal import read_journal
from loopwright.workbench.rundir import RunDirectory, create_run
from loopwright.workbench.settings import Settings

SOURCE = """#include <stdio.h>
#include <time.h>
int main(void) {
    struct timespec pause = {0, WAIT * 1000000L};
    nanosleep(&pause, NULL);
    puts("ANSWER");
    return 0;
}
"""


def program(wait_ms: int, answer: str = "42") -> bytes:
    return SOURCE.replace("WAIT", str(wait_ms)).replace("ANSWER", answer).encode()


def sleeper() -> Task:
    return Task(
        name="sleeper",
        tree=Tree({"p.c": program(60)}),
        editable=("p.c",),
        build=Build(sources=("p.c",)),
        cases=(Case("only", use=Use.TIME),),
        language=Language.C,
    )


@pytest.fixture
def run(measured_home: Path) -> Iterator[RunDirectory]:
    yield create_run(measured_home, sleeper(), Settings(budget=Budget(evaluations=2)), {})


def test_a_glance_orders_and_a_trial_promotes(run: RunDirectory) -> None:
    bench = Workbench(run)
    bench.prepare()
    faster = bench.original.edited(Edit({"p.c": program(20)}, "sleep less"))
    wrong = bench.original.edited(Edit({"p.c": program(5, "41")}, "sleep less and lie"))
    first = bench.evaluate(faster, glance=True)
    assert first.glance is not None
    assert first.glance.rounds == 1
    assert first.glance.estimate > 1.5
    assert first.speedup is None
    assert not first.promoted
    assert bench.best.id == bench.original.id
    assert bench.evaluate(faster, glance=True) == first
    assert bench.evaluate(wrong, glance=True).verdict.failure is not None
    whole = bench.evaluate(faster)
    assert whole.promoted
    assert whole.number == first.number
    assert whole.glance == first.glance
    assert bench.evaluate(faster, glance=True) == whole
    assert len(bench.evaluations) == 2
    bench.close()

    again = Workbench(run)
    assert again.evaluate(faster, glance=True) == whole
    assert again.evaluate(wrong) == bench.evaluate(wrong)
    again.close()
    kinds = [e.kind for e in read_journal(run.journal)]
    assert kinds.count("evaluation") == 3


def test_a_good_look_is_tried_after_the_budget_where_nothing_was(measured_home: Path) -> None:
    task = sleeper()
    settings = Settings(budget=Budget(wall_s=1e-3))
    bench = Workbench(create_run(measured_home, task, settings, {}))
    bench.prepare()
    bench._prepared_s = float("inf")  # the clock of a run cannot be turned: the first look is in time,
    faster = bench.original.edited(Edit({"p.c": program(20)}, "sleep less"))
    assert bench.evaluate(faster, glance=True).glance is not None
    bench._prepared_s = 0.0  # and then the time is up.
    with pytest.raises(BudgetSpent):
        bench.evaluate(bench.original.edited(Edit({"p.c": program(30)}, "another")), glance=True)
    assert bench.evaluate(faster).promoted
    with pytest.raises(BudgetSpent):
        bench.evaluate(bench.original.edited(Edit({"p.c": program(10)}, "a third")))
    bench.close()


def test_without_a_winner_what_looked_good_is_timed_at_the_end(measured_home: Path) -> None:
    bench = Workbench(create_run(measured_home, sleeper(), Settings(), {}))
    bench.prepare()
    for wait_ms in (58, 20):
        bench.evaluate(bench.original.edited(Edit({"p.c": program(wait_ms)}, "sleep less")), glance=True)
    result = finish(bench)
    assert result.status is RunStatus.IMPROVED and result.best is not None
    assert result.best.candidate == bench.evaluations[1].candidate
    assert result.best.speedup is not None and result.best.speedup.rounds >= 6, "timed as any winner"
    assert [e.data["candidate"] for e in bench.journal.events if e.kind == "final"] == [result.best.candidate]
    bench.close()


def test_without_a_winner_what_looked_no_better_than_noise_is_not_timed_again(measured_home: Path) -> None:
    bench = Workbench(create_run(measured_home, sleeper(), Settings(), {}))
    bench.prepare()
    seen = bench.evaluate(bench.original.edited(Edit({"p.c": program(70)}, "sleep more")), glance=True)
    assert seen.verdict.passed and seen.glance is not None
    result = finish(bench)
    assert result.status is RunStatus.NO_GAIN
    assert not [e for e in bench.journal.events if e.kind == "final"]
    bench.close()
