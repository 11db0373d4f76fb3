"""Reading and writing the files of a workspace by tools: what belongs to the task, and nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

_MOST_BYTES = 4 << 20


class Refused(Exception):
    """A path that is not to be had; the text says why."""


def read_text(workspace: Path, path: str, allowed: frozenset[str]) -> str:
    """The text of one of the `allowed` files. Raises Refused for any other, and for what is no plain file."""
    _check(path, allowed, "no file of this task")
    descriptor = _open(workspace, path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        _check_plain(descriptor, path)
        return file.read(_MOST_BYTES).decode("utf-8", "replace")


def write_text(workspace: Path, path: str, text: str, allowed: frozenset[str]) -> None:
    """Replace one of the `allowed` files. Raises Refused as :func:`read_text`, and for more than 4 MiB."""
    _check(path, allowed, "not an editable file of this task")
    content = text.encode("utf-8", "surrogateescape")
    if len(content) > _MOST_BYTES:
        raise Refused(f"{path}: larger than {_MOST_BYTES >> 20} MiB")
    descriptor = _open(workspace, path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK)
    with os.fdopen(descriptor, "wb") as file:
        _check_plain(descriptor, path)
        file.truncate()
        file.write(content)


def _check(path: str, allowed: frozenset[str], problem: str) -> None:
    if path not in allowed or ".." in PurePosixPath(path).parts:
        raise Refused(f"{path[:100]}: {problem}; there are: {', '.join(sorted(allowed))}")


def _open(workspace: Path, path: str, flags: int) -> int:
    """Open without following a link anywhere on the way: the workspace is somebody else's to change."""
    *folders, name = PurePosixPath(path).parts
    at = os.open(workspace, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        return os.open(name, flags | os.O_NOFOLLOW, 0o644, dir_fd=at)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    finally:
        os.close(at)


def _check_plain(descriptor: int, path: str) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise Refused(f"{path}: not a regular file")
