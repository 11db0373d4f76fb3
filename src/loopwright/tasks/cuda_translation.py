"""What a task looks like to a translation of its CUDA sources: which files take the place of which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from loopwright.core.errors import UsageError
from loopwright.core.task import Task
from loopwright.core.tree import Tree

HEADER = "cuda_on_cpu.h"
"""Beside the translated sources: what they still use of CUDA."""

_SUFFIXES = {".cu": ".cpp", ".cuh": ".hpp"}


def translated_path(path: str) -> str:
    """Where the translation of a CUDA file goes; files of other suffixes stay where they are."""
    pure = PurePosixPath(path)
    return str(pure.with_suffix(_SUFFIXES.get(pure.suffix, pure.suffix)))


def present_sources(sources: Sequence[str], tree: Tree) -> tuple[str, ...]:
    """The sources that are built of `tree`: where a CUDA file is gone and its translation is there, that."""
    return tuple(
        new if path not in tree and (new := translated_path(path)) in tree else path for path in sources
    )


def translatable(task: Task) -> Task:
    """`task` with the files of a translation among those that a candidate may add.

    Raises:
        UsageError: when it is built by a command, its CUDA sources may not be changed, or its launch does not
            stand in them.
    """
    if task.kernel is not None and task.kernel.launch is not None:
        raise UsageError(
            f"{task.kernel.function!r} is launched by Loopwright's driver; only a launch in the task's own "
            "sources is translated",
            where=f"{task.name}: kernel.launch",
            hint="name a host function that copies, launches and copies back in [kernel]; or stay with CUDA: "
            "--target cuda",
        )
    if task.build.command is not None:
        raise UsageError(
            "a CUDA program that is built by a command is not translated",
            where=task.name,
            hint='list its files: [build] sources = ["main.cu"]',
        )
    cuda = [path for path in task.tree if PurePosixPath(path).suffix in _SUFFIXES]
    if fixed := [path for path in cuda if not task.is_editable(path)]:
        raise UsageError(
            f"{fixed[0]} is protected, so that it cannot be translated",
            where=task.name,
            hint='editable = ["*.cu", "*.cuh"]',
        )
    if taken := [path for path in (HEADER, *map(translated_path, cuda)) if path in task.tree]:
        raise UsageError(f"{taken[0]} is there already, where the translation would go", where=task.name)
    added = tuple(path for path in (*map(translated_path, cuda), HEADER) if not task.is_editable(path))
    return replace(task, editable=(*task.editable, *added))
