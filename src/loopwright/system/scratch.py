"""Folders that live as long as one sandbox, and the removal of those whose owner was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from loopwright.system.store import remove_tree

_PREFIX = "loopwright-sandbox-"
_SETTLED_S = 60.0
"""A folder younger than this may not have been locked yet by whoever made it."""


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new empty folder under the temp folder, removed at the end. It is locked for as long, so that those
    of killed processes can be told from it; the first call in a process removes these.
    """
    remove_abandoned(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks keeps what a kill leaves
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        remove_tree(folder)
        os.close(lock)


@cache
def remove_abandoned(temporary: Path) -> None:
    """Delete our own user's scratch folders under `temporary` that no living process has locked."""
    for folder in temporary.glob(f"{_PREFIX}*"):
        try:
            status = folder.lstat()
            if status.st_uid != os.getuid() or time.time() - status.st_mtime < _SETTLED_S:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            remove_tree(folder)
        finally:
            os.close(lock)
