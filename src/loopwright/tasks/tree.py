"""Reading a task's directory into a Tree: what counts as source, what is left out, what is refused."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from loopwright.core.errors import TaskError
from loopwright.core.tree import Tree

LARGEST_FILE_BYTES = 64 << 20
LARGEST_TREE_BYTES = 512 << 20
MOST_FILES = 20_000

SKIPPED_DIRECTORIES = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".loopwright",
        ".venv",
        "venv",
        "__pycache__",
        "node_modules",
        "CMakeFiles",
        ".idea",
        ".vscode",
        ".cache",
        ".mypy_cache",
        ".pytest_cache",
    }
)
SKIPPED_FILES = (
    "*.o",
    "*.a",
    "*.so",
    "*.so.*",
    "*.obj",
    "*.lo",
    "*.la",
    "*.dylib",
    "*.pyc",
    "*.gch",
    "*.pch",
    "*.gcno",
    "*.gcda",
    "*.bc",
    "*~",
    ".#*",
    "*.swp",
    ".DS_Store",
    "CMakeCache.txt",
    "loopwright*.toml",
    "gmon.out",
    "callgrind.out.*",
    "perf.data",
    "core.[0-9]*",
)
"""Build outputs, editors' leavings and the task file itself: it names the held-out cases, which whoever
works on a copy of the tree must not see."""

_ELF = b"\x7fELF"


def read_tree(directory: Path, *, keep: Collection[str] = (), leave_out: Collection[str] = ()) -> Tree:
    """Every file of `directory` that belongs to the task, with its content.

    Left out: version control, caches, build folders of CMake, build outputs, ELF files. `keep` names paths
    that are taken even so (inputs that the task file names), `leave_out` further paths that are not taken.
    Symbolic links are followed inside the directory; what they point to is what is stored.

    Raises:
        TaskError: for a link out of the directory or to nothing, an unreadable or special file, a file over
            64 MiB, more than 512 MiB or 20,000 files together.
    """
    return _Reader(directory, frozenset(keep), frozenset(leave_out)).read()


@dataclass
class _Reader:
    directory: Path
    keep: frozenset[str]
    leave_out: frozenset[str]
    files: dict[str, bytes] = field(default_factory=dict)
    total_bytes: int = 0

    def read(self) -> Tree:
        try:
            self.root = self.directory.resolve(strict=True)
        except OSError as error:
            raise TaskError(f"cannot be read: {_reason(error)}", where=str(self.directory)) from error
        self._folder(self.directory, "", frozenset({self.root}))
        return Tree(self.files)

    def _folder(self, folder: Path, prefix: str, above: frozenset[Path]) -> None:
        for entry in self._entries(folder):
            path = prefix + entry.name
            if path in self.leave_out or (self._is_skipped(entry, path) and path not in self.keep):
                continue
            if entry.is_symlink():
                self._check_link(entry)
            if entry.is_dir():
                real = Path(entry.path).resolve()
                if real in above:
                    raise TaskError(
                        "links to a folder that holds it",
                        where=entry.path,
                        hint="remove the link, or move it out of the task's folder",
                    )
                if not self._is_build_folder(Path(entry.path), path):
                    self._folder(Path(entry.path), path + "/", above | {real})
            else:
                self._file(entry, path)

    def _entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                yield from sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise TaskError(f"cannot be read: {_reason(error)}", where=str(folder)) from error

    def _is_skipped(self, entry: os.DirEntry[str], path: str) -> bool:
        if entry.name in SKIPPED_DIRECTORIES and not any(k.startswith(path + "/") for k in self.keep):
            return entry.is_dir()
        return any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in SKIPPED_FILES)

    def _is_build_folder(self, folder: Path, path: str) -> bool:
        # A stale cache names its old folder, and cmake refuses to work with it anywhere else.
        if not (folder / "CMakeCache.txt").is_file():
            return False
        return not any(kept.startswith(path + "/") for kept in self.keep)

    def _check_link(self, entry: os.DirEntry[str]) -> None:
        try:
            real = Path(entry.path).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise TaskError(
                f"is a symbolic link to nothing ({_target(entry)})",
                where=entry.path,
                hint="remove the link, or put the file in its place",
            ) from error
        if not real.is_relative_to(self.root):
            raise TaskError(
                f"is a symbolic link out of the task's folder ({_target(entry)})",
                where=entry.path,
                hint="a task must be complete in itself: copy the file in place of the link",
            )

    def _file(self, entry: os.DirEntry[str], path: str) -> None:
        try:
            status = entry.stat()
            if not stat.S_ISREG(status.st_mode):
                raise TaskError(
                    "is neither a file nor a folder (a pipe, socket or device)",
                    where=entry.path,
                    hint="move it out of the task's folder",
                )
            if status.st_size > LARGEST_FILE_BYTES and not self._is_elf(entry, path):
                raise TaskError(
                    f"is {_mib(status.st_size)}; a file of a task may have {_mib(LARGEST_FILE_BYTES)}",
                    where=entry.path,
                    hint="move it out of the task's folder, or let a small program make it",
                )
            if self._is_elf(entry, path):
                return
            content = Path(entry.path).read_bytes()
        except OSError as error:
            raise TaskError(
                f"cannot be read: {_reason(error)}",
                where=entry.path,
                hint="make it readable, or move it out of the task's folder",
            ) from error
        self.files[path] = content
        self.total_bytes += len(content)
        if self.total_bytes > LARGEST_TREE_BYTES or len(self.files) > MOST_FILES:
            raise TaskError(
                f"holds more than {_mib(LARGEST_TREE_BYTES)} or {MOST_FILES:,} files; the largest: "
                + ", ".join(self._largest()),
                where=str(self.directory),
                hint="a task is only what is needed to build and run: move the rest out",
            )

    def _is_elf(self, entry: os.DirEntry[str], path: str) -> bool:
        if path in self.keep:
            return False
        with Path(entry.path).open("rb") as stream:
            return stream.read(4) == _ELF

    def _largest(self) -> list[str]:
        sizes = sorted(((len(c), p) for p, c in self.files.items()), reverse=True)[:5]
        return [f"{path} ({_mib(size)})" for size, path in sizes]


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _target(entry: os.DirEntry[str]) -> str:
    try:
        return str(Path(entry.path).readlink())
    except OSError:
        return "unreadable"


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.0f} MiB"
