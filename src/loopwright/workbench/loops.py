"""What the analysis says about the loops of a task, in a form for people and for JSON."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.analysis.data_plan import data_plan
from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import NestFacts
from loopwright.analysis.frontend import read_nests
from loopwright.analysis.ir import Unknown
from loopwright.core.data_plan import DataPlan
from loopwright.core.task import Task
from loopwright.core.tree import Tree

_SUFFIXES = (".c", ".cc", ".cpp", ".cxx", ".c++", ".C")


@dataclass(frozen=True)
class TaskLoops:
    """All loop nests of a task's editable sources, with their facts; and what could not be read."""

    nests: tuple[NestFacts, ...]
    unreadable: tuple[Unknown, ...] = ()


def loops_of(task: Task) -> TaskLoops:
    """Read and analyse every loop nest of the editable sources of `task`."""
    read = read_nests(
        task.tree,
        sources_of(task.tree),
        task.language,
        include=task.build.include,
        defines=task.build.defines,
        standard=task.build.standard,
        kernel=task.kernel,
    )
    editable = [nest for nest in read.nests if task.is_editable(nest.root.range.file)]
    return TaskLoops(tuple(analyse(nest) for nest in editable), read.unreadable)


def data_plan_of(task: Task) -> DataPlan:
    """What would move between a host and a device, were the editable loops of `task` on the device."""
    return data_plan(
        task.tree,
        sources_of(task.tree),
        task.language,
        include=task.build.include,
        defines=task.build.defines,
        standard=task.build.standard,
        kernel=task.kernel,
        editable=task.is_editable,
    )


def sources_of(tree: Tree) -> tuple[str, ...]:
    """All C and C++ sources in `tree`; headers are read through them."""
    return tuple(path for path in tree if path.endswith(_SUFFIXES))
