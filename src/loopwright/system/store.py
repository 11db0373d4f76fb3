"""Files that must survive a power cut or a SIGKILL: whole or not at all, and journals line by line."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from loopwright.core.errors import DiskFull

_FULL = (errno.ENOSPC, errno.EDQUOT)
_LEAST_ROOM_BYTES = 1 << 20


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`: a reader sees the old file or the new one, never a part.

    Raises:
        DiskFull: when the disk or the quota is full; the old file is untouched then.
        OSError: when the folder is missing or may not be written to.
    """
    with full_disk_explained(path):
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), _mode(path))
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Append `line` and a newline to the journal `path` and wait until it is on the disk.

    A last line without newline, left by a writer that was killed, is cut off first. One writer at a time.

    Raises:
        ValueError: when `line` holds a newline.
        DiskFull: when the disk or the quota is full; what was half written is taken back.
    """
    if "\n" in line:
        raise ValueError(f"a journal line holds no newline: {line[:80]!r}")
    data = line.encode("utf-8", "surrogateescape") + b"\n"
    with full_disk_explained(path):
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            end = _end_of_whole_lines(descriptor)
            os.ftruncate(descriptor, end)
            try:
                written = 0
                while written < len(data):
                    written += os.pwrite(descriptor, data[written:], end + written)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)
        if is_new:
            _sync_folder(path.parent)


def read_lines(path: Path) -> list[str]:
    """The whole lines of a journal, without their newlines; a torn last line is left out.

    A file that does not exist has no lines.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [line.decode("utf-8", "surrogateescape") for line in content.split(b"\n")[:-1]]


def remove_tree(path: Path) -> None:
    """Delete the folder `path` and all in it, however a hostile program left it: closed permissions,
    thousands of levels deep. A folder that does not exist is fine.
    """

    def open_and_retry(function: Callable[..., Any], name: str, _: object) -> None:
        with contextlib.suppress(OSError):
            for folder in (Path(name).parent, Path(name)):
                if folder.is_dir() and not folder.is_symlink():
                    folder.chmod(0o700)
            if Path(name).is_dir() and not Path(name).is_symlink():
                shutil.rmtree(name, ignore_errors=True)
            else:
                function(name)

    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(path, onerror=open_and_retry)
    if path.is_dir():  # deeper than Python's recursion or PATH_MAX: coreutils walk by descriptor
        for tool in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*tool, "--", str(path)], check=False, capture_output=True)


def require_room(*folders: Path) -> None:
    """What failed while a disk was full says nothing about the program that failed.

    Raises:
        DiskFull: when next to nothing more can be written to the file system of one of `folders`.
    """
    for folder in folders:
        left = os.statvfs(folder)
        if left.f_bavail * left.f_frsize < _LEAST_ROOM_BYTES or (left.f_files and not left.f_favail):
            raise disk_full(folder)


def is_full(error: OSError) -> bool:
    """Whether the error says that a disk or a quota is full."""
    return error.errno in _FULL


@contextlib.contextmanager
def full_disk_explained(path: Path) -> Iterator[None]:
    """Makes DiskFull of an OSError that says so; `path` is told where the error names no file."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise disk_full(Path(error.filename) if isinstance(error.filename, str) else path) from error


def disk_full(path: Path, again: str = "run the same command again") -> DiskFull:
    """The error to raise where nothing can be written at `path`; `again`: what to do once there is room."""
    folder = path if path.is_dir() else path.parent
    return DiskFull(
        "no space left to write there",
        where=str(path),
        hint=f"free some space (df -h {shlex.quote(str(folder))}), then {again}; what was recorded is kept",
    )


def _end_of_whole_lines(descriptor: int) -> int:
    """Offset just behind the last newline of an open file."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _mode(path: Path) -> int:
    """The permissions of the file that is replaced, else those that a plain open() would give."""
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Some network file systems refuse to fsync a folder; that is no failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
