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
_AMPLE = 4
"""Times what may be written: the limit is enforced by looking, so it can be passed by some."""
_SETTLED_S = 60.0
"""A folder younger than this may not have been locked yet by whoever made it."""


def place_for(most_bytes: int | None) -> Path:
    """The folder to make scratch folders in: /dev/shm, where a dozen folders come and go quickly, when
    there is ample room for the `most_bytes` that may be written (memory, then); else the temp folder.
    """
    memory = Path("/dev/shm")
    if most_bytes is not None and os.access(memory, os.W_OK | os.X_OK):
        room = os.statvfs(memory)
        if room.f_bavail * room.f_frsize >= _AMPLE * most_bytes:
            return memory
    return Path(tempfile.gettempdir())


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A new empty folder under `parent`, removed at the end. It is locked for as long, so that those of
    killed processes can be told from it; the first call in a process removes these.
    """
    remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks keeps what a kill leaves
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        remove_tree(folder)
        os.close(lock)


@cache
def remove_abandoned(parent: Path) -> None:
    """Delete our own user's scratch folders under `parent` that no living process has locked."""
    for folder in parent.glob(f"{_PREFIX}*"):
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
