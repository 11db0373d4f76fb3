"""A program that is over before a sampling profiler has seen it is counted instead."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loopwright.core.task import Build, Case, Language, Task, Use
from loopwright.core.tree import Tree
from loopwright.workbench.bench import Workbench
from loopwright.workbench.rundir import create_run
from loopwright.workbench.settings import Settings

SHORT = """#include <stdio.h>
int main(void) {
    static double x[20000];
    double sum = 0;
    for (int i = 0; i < 20000; i++)
        sum += (x[i] + 1) * i;
    printf("%g\\n", sum);
    return 0;
}
"""


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="callgrind is part of valgrind")
def test_the_loop_of_a_program_of_a_millisecond_is_found(measured_home: Path) -> None:
    task = Task(
        name="short",
        tree=Tree({"p.c": SHORT.encode()}),
        editable=("p.c",),
        build=Build(sources=("p.c",)),
        cases=(Case("only", use=Use.TIME),),
        language=Language.C,
    )
    bench = Workbench(create_run(measured_home, task, Settings(), {}))
    bench.prepare()
    profile = bench.profile(bench.original)
    bench.close()
    assert profile is not None and profile.profiler == "callgrind"
    assert profile.samples > 20000
    assert max(profile.lines, key=lambda line: line.share).line in (5, 6), profile.lines
