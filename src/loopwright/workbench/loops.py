"""What the analysis says about the loops of a task, in a form for people and for JSON."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import NestFacts
from loopwright.analysis.frontend import read_nests, sources_of
from loopwright.analysis.ir import Unknown
from loopwright.core.task import Task


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
