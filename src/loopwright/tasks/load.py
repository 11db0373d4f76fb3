"""loopwright.toml and the directory around it, to a Task."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from loopwright.core.errors import TaskError
from loopwright.core.task import (
    Argument,
    Build,
    Case,
    Dtype,
    FileFormat,
    Init,
    Kernel,
    Language,
    Output,
    OutputFile,
    Role,
    StdoutMode,
    Task,
    Tolerance,
    Use,
    Work,
)
from loopwright.core.tree import Tree
from loopwright.tasks.problems import Key, TaskFile, found, suggestion
from loopwright.tasks.tree import read_tree

if TYPE_CHECKING:
    from loopwright.tasks import schema

TASK_FILE = "loopwright.toml"
CXX_SUFFIXES = frozenset({".cc", ".cpp", ".cxx", ".c++", ".C", ".cp", ".hpp", ".hh", ".hxx"})
SOURCE_SUFFIXES = frozenset({".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".cp"})

_LARGEST_TASK_FILE_BYTES = 1 << 20
_F32_TOLERANCE = 1e-5
_DEFAULT = Tolerance()


def load_task(path: Path) -> Task:
    """The task at `path`: a directory with a loopwright.toml, or a task file (any .toml) itself.

    The content of every file of the directory becomes part of the task, the task file excepted.

    Raises:
        TaskError: for anything wrong in the task file or in what it names.
    """
    from loopwright.tasks.checks import check_task

    file = read_task_file(find_task_file(path))
    table = validated(file)
    tree = read_tree(file.path.parent, keep=_named_files(table), leave_out=_stale_outputs(table))
    task = _task(file, table, tree)
    check_task(file, task)
    return task


def find_task_file(path: Path) -> Path:
    """The task file that `path` means.

    Raises:
        TaskError: when there is none; the hint says how to get one.
    """
    if path.suffix in SOURCE_SUFFIXES:
        raise TaskError("is a source file, not a task", where=str(path),
                        hint=f"loopwright optimize {path} -- ARGS")  # fmt: skip
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
        raise TaskError("no such file or folder", where=str(path),
                        hint=f"give a folder with a {TASK_FILE}, or write one: loopwright init DIR")  # fmt: skip
    if path.suffix != ".toml":
        raise TaskError("is not a task file: its name has to end in .toml", where=str(path),
                        hint=f"give a folder with a {TASK_FILE}, or the .toml file itself")  # fmt: skip
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
            raise TaskError(f"has {size_bytes:,} bytes; a task file may have {_LARGEST_TASK_FILE_BYTES:,}",
                            where=where, hint="is this really a task file?")  # fmt: skip
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
        raise TaskError("is empty", where=where,
                        hint=f"loopwright init {path.parent} --force writes a first one")  # fmt: skip
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


def language_of(paths: Sequence[str]) -> Language:
    """C++ when any of these files has a C++ suffix, otherwise C."""
    return Language.CXX if any(PurePosixPath(p).suffix in CXX_SUFFIXES for p in paths) else Language.C


def _named_files(table: schema.TaskTable) -> frozenset[str]:
    """Files that the task file names as input: taken even when they look like build outputs."""
    named = set(table.build.sources or ())
    for case in table.case:
        named |= set(case.files or ()) | ({case.stdin} if case.stdin else set())
    for argument in table.kernel.argument if table.kernel else ():
        named |= {str(argument.init[k]) for k in ("path", "source") if k in (argument.init or {})}
    return frozenset(named)


def _stale_outputs(table: schema.TaskTable) -> frozenset[str]:
    """Output files that an earlier run left behind: an answer that nobody must be able to read."""
    outputs = {output.path for output in table.output.files or ()}
    return frozenset(outputs - _named_files(table))


def _task(file: TaskFile, table: schema.TaskTable, tree: Tree) -> Task:
    output = _output(table.output)
    stated = any(v is not None for v in (table.output.rtol, table.output.atol, table.output.ulps))
    sources = [p for p in tree if any(fnmatch.fnmatchcase(p, glob) for glob in table.editable)]
    language = Language(table.language) if table.language else language_of(table.build.sources or sources)
    kernel = None
    if table.kernel is not None:
        if table.kernel.language is not None:
            if table.language not in (None, table.kernel.language):
                raise file.problem(("kernel", "language"),
                                   f"found {table.kernel.language!r}, but language = {table.language!r} above",
                                   "say it once, in [kernel]")  # fmt: skip
            language = Language(table.kernel.language)
        kernel = _kernel(file, table.kernel, table.build.sources or [], tree, language, output, stated)
    files = tuple(
        OutputFile(
            path=entry.path,
            dtype=Dtype(entry.dtype),
            format=FileFormat(entry.format),
            tolerance=_own_tolerance(entry, Dtype(entry.dtype), output.tolerance, stated),
        )
        for entry in table.output.files or ()
    )
    return Task(
        name=table.name,
        tree=tree,
        editable=tuple(table.editable),
        build=_build(table.build),
        cases=tuple(_case(case) for case in table.case),
        output=Output(output.stdout, output.ignore, files, output.tolerance),
        summary=table.summary,
        language=language,
        kernel=kernel,
        work=Work(table.work.bytes, table.work.flops),
        fast_math=table.fast_math,
        schema=table.schema_,
    )


def _build(table: schema.BuildTable) -> Build:
    return Build(
        sources=tuple(table.sources or ()),
        include=tuple(table.include),
        libs=tuple(table.libs),
        defines=tuple(table.defines),
        flags=tuple(table.flags),
        standard=table.standard,
        command=table.command,
        executable=table.executable,
        timeout_s=table.timeout_s,
    )


def _case(table: schema.CaseTable) -> Case:
    return Case(
        name=table.name,
        use=Use(table.use),
        args=tuple(table.args or ()),
        stdin=table.stdin,
        files=tuple(table.files or ()),
        env=dict(table.env),
        params=dict(table.params),
        seed=1 if table.seed is None else table.seed,
        timeout_s=table.timeout_s,
    )


def _output(table: schema.OutputTable) -> Output:
    return Output(
        stdout=StdoutMode(table.stdout or "numbers"),
        ignore=tuple(table.ignore or ()),
        tolerance=_tolerance(table, _DEFAULT),
    )


def _tolerance(table: schema.ToleranceKeys, default: Tolerance) -> Tolerance:
    """What the three keys say. ULPs alone mean ULPs alone: a looser default beside them would win."""
    only_ulps = table.ulps is not None
    rtol = table.rtol if table.rtol is not None else 0.0 if only_ulps else default.rtol
    atol = table.atol if table.atol is not None else 0.0 if only_ulps else default.atol
    return Tolerance(rtol, atol, table.ulps if only_ulps else default.ulps)


def _own_tolerance(
    table: schema.ToleranceKeys, dtype: Dtype, default: Tolerance, default_stated: bool
) -> Tolerance | None:
    """The tolerance of one file or argument; None is the task's.

    The built-in default is below the spacing of f32 numbers, so f32 gets its own where nobody says more.
    """
    if table.rtol is None and table.atol is None and table.ulps is None:
        return Tolerance(_F32_TOLERANCE) if dtype is Dtype.F32 and not default_stated else None
    if table.rtol is None and table.ulps is None and dtype is Dtype.F32 and not default_stated:
        default = Tolerance(_F32_TOLERANCE)
    return _tolerance(table, default)


def _kernel(
    file: TaskFile,
    table: schema.KernelTable,
    sources: Sequence[str],
    tree: Tree,
    language: Language,
    output: Output,
    stated: bool,
) -> Kernel:
    from loopwright.tasks.prototype import parse_prototype

    prototype = table.prototype or _declared(file, table, sources, tree)
    parsed = parse_prototype(prototype)
    returns = Dtype(table.returns) if table.returns else parsed.returns_dtype if parsed else None
    return Kernel(
        function=table.function,
        prototype=prototype,
        arguments=tuple(
            _argument(file, ("kernel", "argument", n), argument, output.tolerance, stated)
            for n, argument in enumerate(table.argument)
        ),
        language=language,
        returns=returns,
        header=table.header,
        restrict=table.restrict,
    )


def _declared(file: TaskFile, table: schema.KernelTable, sources: Sequence[str], tree: Tree) -> str:
    """The prototype as the header or the source has it, for a task file that does not repeat it."""
    from loopwright.tasks.prototype import find_declaration

    looked = [path for path in (table.header, *sources) if path is not None]
    for path in looked:
        text = tree.get(path, b"").decode("utf-8", "replace")
        if (declaration := find_declaration(table.function, text)) is not None:
            return declaration
    raise file.problem(
        ("kernel", "prototype"),
        f"missing, and no declaration of {table.function!r} was found in {', '.join(looked) or 'any file'}",
        f'add prototype = "void {table.function}(int n, const double *x, double *y)" as it is in the source',
    )


def _argument(
    file: TaskFile, key: Key, table: schema.ArgumentTable, default: Tolerance, stated: bool
) -> Argument:
    if table.role is None and table.shape is not None:
        raise file.problem((*key, "role"), "missing; an array is 'in', 'out' or 'inout'",
                           'add role = "in" when the kernel only reads it')  # fmt: skip
    return Argument(
        name=table.name,
        role=Role(table.role or "in"),
        dtype=Dtype(table.dtype),
        shape=tuple(table.shape or ()),
        value=table.value,
        init=_init(file, (*key, "init"), table.init),
        tolerance=_own_tolerance(table, Dtype(table.dtype), default, stated)
        if table.role in ("out", "inout")
        else _refused_tolerance(file, key, table),
    )


def _refused_tolerance(file: TaskFile, key: Key, table: schema.ArgumentTable) -> None:
    for name in ("rtol", "atol", "ulps"):
        if getattr(table, name) is not None:
            raise file.problem((*key, name), "an 'in' argument must stay unchanged to the last bit",
                               f"remove {name}")  # fmt: skip


def _init(file: TaskFile, key: Key, table: dict[str, Any] | None) -> Init:
    if table is None:
        return Init()
    options = dict(table)
    if "kind" not in options:
        raise file.problem(key, "missing 'kind'" + suggestion(next(iter(options), ""), ["kind"]),
                           'init = { kind = "uniform", low = -1, high = 1 }')  # fmt: skip
    kind = options.pop("kind")
    if not isinstance(kind, str):
        raise file.problem(key, f"kind: found {found(kind)}; expected a string")
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise file.problem(key, f"{name}: found {found(value)}; expected a number or an expression")
    return Init(kind, options)
