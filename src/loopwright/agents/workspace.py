"""An agent's workspace: what it may see of a task, and what a candidate in it is.

Reading back is done as if the folder were hostile: an agent may have put links, pipes or huge files where
sources were, and may still be changing them.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from pathlib import Path

from loopwright.core.candidate import Candidate
from loopwright.core.task import Case, HeldOut, Task, Use
from loopwright.core.tree import Tree
from loopwright.tasks.read import TASK_FILE

_MOST_BYTES = 64 << 20


class MalformedWorkspace(Exception):
    """The workspace holds something that no candidate can be made of; the text says what."""


def visible_task(task: Task) -> Task:
    """The task without its held-out cases, the ranges of those to come, and the files that only they use."""
    kept = task.cases_for(Use.CHECK, Use.TIME)
    held_out: tuple[Case | HeldOut, ...] = (*task.cases_for(Use.HELD_OUT), *task.held_out)
    hidden = {p for c in held_out for p in (*c.files, c.stdin) if p is not None}
    shown = {p for c in kept for p in (*c.files, c.stdin) if p is not None}
    tree = Tree({p: c for p, c in task.tree.items() if p not in hidden - shown and p != TASK_FILE})
    return replace(task, cases=kept, tree=tree, held_out=())


def fill(folder: Path, task: Task, candidate: Candidate) -> None:
    """Lay out what an agent may see, with the files of `candidate`."""
    from loopwright.tasks.write import task_text

    visible = visible_task(task)
    for path, content in {**visible.tree, **candidate.files}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (folder / TASK_FILE).write_text(task_text(visible), encoding="utf-8", errors="surrogateescape")


def read_candidate(folder: Path, task: Task, *, parent: Candidate, title: str) -> Candidate:
    """The candidate in `folder`: every editable file, and every protected file that is not as it was.

    Files of the task that are missing from the folder count as they are in the task when `folder` is not
    a whole workspace (a folder with the edited files alone); new files that are not editable are left
    out, since agents compile and take notes.

    Raises:
        MalformedWorkspace: for links or special files in place of sources, or more than 64 MiB.
    """
    visible = visible_task(task).tree
    files: dict[str, bytes] = {}
    total = 0
    for root, _, names, descriptor in os.fwalk(folder, follow_symlinks=False):
        relative_root = Path(root).relative_to(folder)
        for name in names:
            path = (relative_root / name).as_posix()
            editable = task.is_editable(path)
            if path == TASK_FILE or not (editable or path in visible):
                continue
            content = _read(name, descriptor, path)
            total += len(content)
            if total > _MOST_BYTES:
                raise MalformedWorkspace(f"the edited files are larger than {_MOST_BYTES >> 20} MiB")
            if editable or content != task.tree[path]:
                files[path] = content
    missing = {p: c for p, c in task.editable_files.items() if p not in files}
    return Candidate(Tree({**missing, **files}), parent.id, title)


def _read(name: str, directory: int, path: str) -> bytes:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    except OSError as error:
        # O_NOFOLLOW calls a link a loop.
        why = "is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise MalformedWorkspace(f"{path}: {why}") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise MalformedWorkspace(f"{path}: not a regular file")
        return file.read(_MOST_BYTES + 1)
