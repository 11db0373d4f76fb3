"""What the gates of a run get, for a task of one file and one case without anything to compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from loopwright.core.task import Build, Case, Output, StdoutMode, Target, Task
from loopwright.core.tree import Tree
from loopwright.gates.gate import Context
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.system.direct import DirectRunner
from loopwright.system.execution import Limits
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Variant


def program_context(original: str, scratch: Path, **changes: object) -> Context:
    """The context of a task whose program.c is `original`, with `changes` to the task."""
    task = Task(
        name="program",
        tree=Tree({"program.c": original.encode()}),
        editable=("program.c",),
        build=Build(sources=("program.c",)),
        cases=(Case("only"),),
        output=Output(stdout=StdoutMode.IGNORE),
    )
    task = replace(task, **changes)  # type: ignore[arg-type]
    runner = DirectRunner()
    return Context(
        task=task,
        builder=Builder(task, runner, scratch),
        cases=CaseRunner(task, runner, scratch, cores=2),
        toolchain=find(None),
        variant=Variant(NATIVE_FLAGS, Target.OPENMP),
        expected=lambda case: {},
        limits=lambda case: Limits(),
        threads=(1, 2),
    )
