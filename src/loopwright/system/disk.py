"""How much a program writes to disk while it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

_ENTRY_BYTES = 1024
"""Counted for each file and folder beside its blocks: a million empty files fill a disk, too."""
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5
_QUIET_PAUSE_S = 0.25
_SHARE = 30
"""Looking takes at most one part in this many of the time."""


def disk_usage(folders: Iterable[Path]) -> int:
    """Bytes of disk that the entries under `folders` take (blocks, so holes in files cost nothing).

    Files that vanish meanwhile, and folders that may not be read, count as nothing.
    """
    total = 0
    open_folders = [str(folder) for folder in folders]
    while open_folders:
        try:
            with os.scandir(open_folders.pop()) as entries:
                for entry in entries:
                    total += _ENTRY_BYTES
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            open_folders.append(entry.path)
                        else:
                            total += entry.stat(follow_symlinks=False).st_blocks * 512
                    except OSError:
                        continue
        except OSError:
            continue
    return total


class DiskWatch:
    """Tells when `folders` together have grown by more than `limit` bytes since this was made.

    `next_look` says when (on `time.monotonic`) it is worth asking again: rarely when there is much to walk
    through, and rarely when `quiet`. No limit: never.
    """

    def __init__(self, folders: Iterable[Path], limit: int | None, *, quiet: bool) -> None:
        self.next_look = float("inf")
        self._folders = tuple(folders)
        self._limit = limit
        self._pause = _QUIET_PAUSE_S if quiet else _FIRST_PAUSE_S
        if limit is not None:
            self._before = self._look()

    def is_over(self) -> bool:
        """Look, and say whether the limit is passed."""
        return self._limit is not None and self._look() - self._before > self._limit

    def _look(self) -> int:
        began = time.monotonic()
        used = disk_usage(self._folders)
        ended = time.monotonic()
        self._pause = min(self._pause * 1.5, max(_LONGEST_PAUSE_S, self._pause))
        self.next_look = ended + max(self._pause, _SHARE * (ended - began))
        return used
