"""What the analysis says about the loops of a task, in a form for people and for JSON."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import NestFacts
from loopwright.analysis.frontend import read_nests
from loopwright.analysis.ir import Unknown
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
        sources_of(task, task.tree),
        task.language,
        include=task.build.include,
        defines=task.build.defines,
        standard=task.build.standard,
        kernel=task.kernel,
    )
    return TaskLoops(tuple(analyse(nest) for nest in read.nests), read.unreadable)


def sources_of(task: Task, tree: Tree) -> tuple[str, ...]:
    """The editable C and C++ sources in `tree`; headers are read through them."""
    return tuple(path for path in tree if task.is_editable(path) and path.endswith(_SUFFIXES))
