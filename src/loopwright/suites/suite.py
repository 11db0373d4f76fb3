"""What a suite is, and the suites whose tasks are folders."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from loopwright.core.errors import UsageError
from loopwright.core.task import Task
from loopwright.core.tree import Tree
from loopwright.tasks.load import load_task


class Suite(Protocol):
    """A named set of tasks.

    Contract: `names` is cheap and always in the same order; `task` and `files` take one of these names and
    raise UsageError for any other. What `files` gives, written to an empty folder, is a task of its own:
    loading it gives what `task` gives.
    """

    @property
    def name(self) -> str:
        """As on the command line: `loops`."""
        ...

    @property
    def summary(self) -> str:
        """One line for people: what the suite is for."""
        ...

    @property
    def subsets(self) -> Mapping[str, Sequence[str]]:
        """Names for parts of the suite that are often wanted together."""
        ...

    def names(self) -> tuple[str, ...]:
        """The tasks, in the order in which they are listed and run."""
        ...

    def task(self, name: str) -> Task:
        """One task, loaded and checked."""
        ...

    def files(self, name: str) -> Tree:
        """Every file of one task, its loopwright.toml among them."""
        ...


@dataclass(frozen=True)
class FolderSuite:
    """A suite in a folder: each subfolder with a loopwright.toml is a task of that name."""

    name: str
    summary: str
    folder: Path
    subsets: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """The subfolders that are tasks, sorted."""
        return tuple(sorted(path.parent.name for path in self.folder.glob("*/loopwright.toml")))

    def task(self, name: str) -> Task:
        """Load one task. Raises UsageError when there is none of that name."""
        return load_task(self._folder_of(name))

    def files(self, name: str) -> Tree:
        """The files in the task's folder, by paths relative to it."""
        folder = self._folder_of(name)
        return Tree(
            {
                str(path.relative_to(folder)): path.read_bytes()
                for path in sorted(folder.rglob("*"))
                if path.is_file() and "__pycache__" not in path.parts
            }
        )

    def _folder_of(self, name: str) -> Path:
        if name not in self.names():
            raise unknown_task(self, name)
        return self.folder / name


def unknown_task(suite: Suite, name: str) -> UsageError:
    """The error for a name that is no task and no subset of `suite`."""
    near = difflib.get_close_matches(name, [*suite.names(), *suite.subsets], n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return UsageError(
        f"suite {suite.name} has no task {name!r}{meant}", hint=f"loopwright suite list {suite.name}"
    )


def select(suite: Suite, wanted: Sequence[str]) -> tuple[str, ...]:
    """The tasks that `wanted` means, each once, in the order given; all of them when it is empty.

    Raises:
        UsageError: for what is neither a task nor a subset.
    """
    names = suite.names()
    chosen: dict[str, None] = {}
    for each in wanted or names:
        if each in suite.subsets:
            chosen.update(dict.fromkeys(suite.subsets[each]))
        elif each in names:
            chosen[each] = None
        else:
            raise unknown_task(suite, each)
    return tuple(chosen)


def export_task(suite: Suite, name: str, folder: Path) -> None:
    """Write every file of a task into `folder`, which has to be new or empty.

    Raises:
        UsageError: for an unknown task, or a folder that holds something or cannot be written.
    """
    files = suite.files(name)
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UsageError("is not empty", where=str(folder), hint="name a new folder")
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=str(folder)) from error
