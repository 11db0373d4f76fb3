"""Finding and reading a task file: text, TOML, tables of the right shape."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopwright.core.errors import TaskError
from loopwright.tasks.problems import TaskFile

if TYPE_CHECKING:
    from loopwright.tasks import schema

TASK_FILE = "loopwright.toml"
CXX_SUFFIXES = frozenset({".cc", ".cpp", ".cxx", ".c++", ".C", ".cp", ".hpp", ".hh", ".hxx"})
CUDA_SUFFIXES = frozenset({".cu", ".cuh"})
HIP_SUFFIX = ".hip"
INCLUDES_HIP = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*<hip/hip_runtime(?:_api)?\.h>", re.MULTILINE)
"""What makes a C++ source one of HIP."""
SOURCE_SUFFIXES = frozenset({".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".cp", ".cu", HIP_SUFFIX})

_LARGEST_TASK_FILE_BYTES = 1 << 20


def find_task_file(path: Path) -> Path:
    """The task file that `path` means.

    Raises:
        TaskError: when there is none; the hint says how to get one.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise TaskError("is neither a file nor a folder", where=str(path))
    if path.suffix in SOURCE_SUFFIXES and not path.is_dir():
        raise TaskError(
            "is a source file, not a task", where=str(path), hint=f"loopwright optimize {path} -- ARGS"
        )
    if path.is_dir():
        inside = path / TASK_FILE
        if not inside.exists():
            raise TaskError(
                f"no {TASK_FILE} in this folder",
                where=str(path),
                hint=f"loopwright init {path}   or, for a single file: loopwright optimize prog.c -- ARGS",
            )
        return inside
    if not path.exists():
        raise TaskError(
            "no such file or folder",
            where=str(path),
            hint=f"give a folder with a {TASK_FILE}, or write one: loopwright init DIR",
        )
    if path.suffix != ".toml":
        raise TaskError(
            "is not a task file: its name has to end in .toml",
            where=str(path),
            hint=f"give a folder with a {TASK_FILE}, or the .toml file itself",
        )
    return path


def read_task_file(path: Path) -> TaskFile:
    """The text and tables of the task file at `path`.

    Raises:
        TaskError: when it cannot be read, is not UTF-8, is empty or is not TOML (with the line).
    """
    where = str(path)
    if not path.is_file():
        raise TaskError("is not a regular file", where=where)
    try:
        size_bytes = path.stat().st_size
        if size_bytes > _LARGEST_TASK_FILE_BYTES:
            raise TaskError(
                f"has {size_bytes:,} bytes; a task file may have {_LARGEST_TASK_FILE_BYTES:,}",
                where=where,
                hint="is this really a task file?",
            )
        content = path.read_bytes()
    except OSError as error:
        raise TaskError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=where) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TaskError(
            f"is not UTF-8 text: byte 0x{content[error.start]:02x} at offset {error.start}",
            where=f"{where}:{line}",
            hint="save the file as UTF-8; strings in it are UTF-8, too",
        ) from error
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise TaskError(
            "is empty", where=where, hint=f"loopwright init {path.parent} --force writes a first one"
        )
    return TaskFile(path, text, _parsed(path, text))


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        line = int(place.group(1)) if place else text.rstrip().count("\n") + 1
        message = re.sub(r" \(at [^)]*\)$", "", message)
        column = f", column {place.group(2)}" if place else ""
        shown = text.split("\n")[line - 1].strip()[:80]
        raise TaskError(
            f"not TOML: {message[:1].lower()}{message[1:200]}{column}: {shown!r}",
            where=f"{path}:{line}",
            hint='strings need quotes, lists brackets: args = ["64", "10"]',
        ) from error
    except (RecursionError, ValueError) as error:
        raise TaskError("not TOML: nested too deeply, or a number too long", where=str(path)) from error


def validated(file: TaskFile) -> schema.TaskTable:
    """The tables of `file`, with names, types and ranges checked.

    Raises:
        TaskError: about the first thing that is wrong, in the order of the file.
    """
    from pydantic import ValidationError

    from loopwright.tasks import schema
    from loopwright.tasks.rejections import rejection

    version = file.data.get("schema")
    if type(version) is int and version != schema.SCHEMA:
        newer = version > schema.SCHEMA
        raise file.problem(
            ("schema",),
            f"found {version}; this Loopwright reads schema {schema.SCHEMA}",
            "the file is for a newer Loopwright: pip install --upgrade loopwright"
            if newer
            else f"write schema = {schema.SCHEMA}",
        )
    try:
        return schema.TaskTable.model_validate(file.data)
    except ValidationError as error:
        raise rejection(file, error) from None
