"""A task without a task file: `loopwright optimize prog.c -- ARGS`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from loopwright.core.errors import TaskError
from loopwright.core.task import Build, Case, Language, Task, Use
from loopwright.core.tree import Tree
from loopwright.tasks import source_facts
from loopwright.tasks.load import implied_language
from loopwright.tasks.naming import escaped, plain_name
from loopwright.tasks.read import SOURCE_SUFFIXES
from loopwright.tasks.tree import LARGEST_FILE_BYTES

_MOST_FILES = 2000
_FORTRAN_SUFFIXES = {".f", ".for", ".ftn", ".f77", ".f90", ".f95", ".f03", ".f08"}


def single_file_task(source: Path, args: Sequence[str] = ()) -> Task:
    """A program task of one source file, run with `args`: one `time` case, the numbers on stdout compared.

    The local headers that the file includes come with it, protected. An argument that names a file, as
    seen from the current folder, makes that file an input of the case; so does a name that the source opens
    to read, as seen from there or from its own folder. Nothing is written.

    Raises:
        TaskError: when the file is not a readable C or C++ source with a main function, or an argument
            names a file that cannot be an input.
    """
    _check_source(source)
    content = _read(source)
    if b"\0" in content:
        raise TaskError(
            "is not text that a compiler reads: it has NUL bytes (a binary file, or UTF-16)",
            where=str(source),
            hint=f"from UTF-16: iconv -f UTF-16 -t UTF-8 {shlex.quote(str(source))} > new.c",
        )
    if not source_facts.has_main(content):
        raise TaskError(
            "has no main function",
            where=str(source),
            hint="for a program of several files: loopwright init DIR; for a single function: a task file "
            "with [kernel]",
        )
    files = _with_headers(source.resolve(), content)
    root = Path(os.path.commonpath([path.parent for path in files]))
    contents = {path.relative_to(root).as_posix(): text for path, text in files.items()}
    path = source.resolve().relative_to(root).as_posix()
    inputs = {**_read_by_name(source, files.values(), contents), **_inputs(args, contents)}
    editable = (escaped(path),)
    libs = ("m", *source_facts.libraries(files.values()))
    tree = Tree({**contents, **inputs})
    language = implied_language((path,), editable, tree)
    standard = source_facts.standard(files.values()) if language is Language.CXX else None
    return Task(
        name=plain_name(source.stem),
        tree=tree,
        editable=editable,
        build=Build(sources=(path,), libs=tuple(dict.fromkeys(libs)), standard=standard),
        cases=(Case(name="given", use=Use.TIME, args=tuple(args), files=tuple(inputs)),),
        language=language,
    )


def _check_source(source: Path) -> None:
    where = str(source)
    if source.is_dir():
        raise TaskError(
            "is a folder; expected a source file",
            where=where,
            hint=f"loopwright init {source} writes a task file for it",
        )
    if not source.exists():
        raise TaskError("no such file", where=where, hint="loopwright optimize prog.c -- ARGS")
    if source.suffix.lower() in _FORTRAN_SUFFIXES:
        raise TaskError(f"is Fortran ({source.suffix!r}), which is not read yet; C and C++ are", where=where)
    if source.suffix not in SOURCE_SUFFIXES:
        raise TaskError(
            f"has {f'the suffix {source.suffix!r}' if source.suffix else 'no suffix'}; "
            f"known: {', '.join(sorted(SOURCE_SUFFIXES))}",
            where=where,
            hint="loopwright optimize prog.c -- ARGS",
        )
    if not source.is_file():
        raise TaskError("is neither a file nor a folder", where=where)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise TaskError(f"is larger than {LARGEST_FILE_BYTES >> 20} MiB", where=str(path))
        return path.read_bytes()
    except OSError as error:
        raise TaskError(
            f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(path)
        ) from error


def _with_headers(source: Path, content: bytes) -> dict[Path, bytes]:
    """The source and every file that it includes by a name in quotes, and so on; others are the system's."""
    files = {source: content}
    waiting = [source]
    while waiting:
        path = waiting.pop()
        for name in source_facts.includes(files[path])[0]:
            beside = Path(os.path.normpath(path.parent / name))
            if beside in files or not beside.is_file():
                continue
            files[beside] = _read(beside)
            waiting.append(beside)
            if len(files) > _MOST_FILES:
                raise TaskError(f"includes more than {_MOST_FILES} files", where=str(source))
    return files


def _read_by_name(source: Path, texts: Iterable[bytes], contents: dict[str, bytes]) -> dict[str, bytes]:
    """Files that the program opens by names that stand in its sources: path in the task to content."""
    found: dict[str, bytes] = {}
    for name in source_facts.opened(texts):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) in contents:
            continue
        near = next((p for p in (Path(path), source.parent / path) if p.is_file()), None)
        if near is not None:
            found[str(path)] = _read(near)
    return found


def _inputs(args: Sequence[str], contents: dict[str, bytes]) -> dict[str, bytes]:
    """Arguments that are files: path in the task to content."""
    found: dict[str, bytes] = {}
    for arg in args:
        path = Path(arg)
        try:
            is_file = bool(arg) and path.is_file()
        except (OSError, ValueError):
            continue
        if not is_file:
            continue
        name = PurePosixPath(arg)
        if name.is_absolute() or ".." in name.parts:
            raise TaskError(
                "is a file outside the current folder; the program runs in a folder of its own, "
                "where it finds its inputs by a relative path",
                where=f"argument {arg!r}",
                hint="change to the folder that holds the file, and give its path from there",
            )
        content = _read(path)
        if contents.get(str(name), content) != content:
            raise TaskError(
                f"is another file than the {str(name)!r} that the source includes", where=f"argument {arg!r}"
            )
        if str(name) not in contents:
            found[str(name)] = content
    return found
