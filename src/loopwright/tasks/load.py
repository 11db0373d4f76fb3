"""loopwright.toml and the directory around it, to a Task."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from loopwright.core.task import (
    Argument,
    Build,
    Case,
    Dtype,
    FileFormat,
    HeldOut,
    Init,
    Kernel,
    Language,
    Launch,
    Output,
    OutputFile,
    Range,
    Role,
    StdoutMode,
    Task,
    Tolerance,
    Use,
    Work,
)
from loopwright.core.tree import Tree
from loopwright.tasks.held_out import parse_range
from loopwright.tasks.problems import Key, TaskFile, found, suggestion
from loopwright.tasks.read import (
    CUDA_SUFFIXES,
    CXX_SUFFIXES,
    HIP_SUFFIX,
    INCLUDES_HIP,
    find_task_file,
    read_task_file,
    validated,
)
from loopwright.tasks.tree import read_tree

if TYPE_CHECKING:
    from loopwright.tasks import schema

_F32_TOLERANCE = 1e-5
_DEFAULT = Tolerance()


def load_task(path: Path) -> Task:
    """The task at `path`: a directory with a loopwright.toml, or a task file (any .toml) itself.

    The content of every file of the directory becomes part of the task, the task file excepted.

    Raises:
        TaskError: for anything wrong in the task file or in what it names.
    """
    return task_of(read_task_file(find_task_file(path)))


def task_of(file: TaskFile) -> Task:
    """The task that `file` and the directory it lies in describe; `file` itself need not be on disk.

    Raises:
        TaskError: as for :func:`load_task`.
    """
    from loopwright.tasks.checks import check_task

    table = validated(file)
    tree = read_tree(file.path.parent, keep=_named_files(table), leave_out=_left_out(file, table))
    task = _task(file, table, tree)
    check_task(file, task)
    return task


def implied_language(sources: Sequence[str], editable: Sequence[str], tree: Mapping[str, bytes]) -> Language:
    """CUDA when a source has its suffix, HIP when one has that or includes HIP's header, else C++ or C by
    suffix; without `sources` the editable files decide.
    """
    paths = sources or [p for p in tree if any(fnmatch.fnmatchcase(p, glob) for glob in editable)]
    suffixes = {PurePosixPath(path).suffix for path in paths}
    if suffixes & CUDA_SUFFIXES:
        return Language.CUDA
    if HIP_SUFFIX in suffixes or any(INCLUDES_HIP.search(tree.get(path, b"")) for path in paths):
        return Language.HIP
    return Language.CXX if suffixes & CXX_SUFFIXES else Language.C


def _named_files(table: schema.TaskTable) -> frozenset[str]:
    """Files that the task file names as input: taken even when they look like build outputs."""
    named = set(table.build.sources or ())
    given: list[schema.CaseTable | schema.HeldOutTable] = [*table.case, *table.held_out]
    for case in given:
        named |= set(case.files or ()) | ({case.stdin} if case.stdin else set())
    for argument in table.kernel.argument if table.kernel else ():
        init = argument.init or {}
        named |= {str(init[name]) for name in ("path", "source") if name in init}
    return frozenset(named)


def _left_out(file: TaskFile, table: schema.TaskTable) -> frozenset[str]:
    """The task file, which names the held-out cases, and outputs that an earlier run left behind."""
    outputs = {output.path for output in table.output.files or ()}
    return frozenset((outputs | {file.path.name}) - _named_files(table))


def _task(file: TaskFile, table: schema.TaskTable, tree: Tree) -> Task:
    output = _output(table.output)
    stated = any(v is not None for v in (table.output.rtol, table.output.atol, table.output.ulps))
    language = implied_language(table.build.sources or (), table.editable, tree)
    if table.language is not None:
        language = Language(table.language)
    kernel = None
    if table.kernel is not None:
        if table.kernel.language is not None:
            if table.language not in (None, table.kernel.language):
                raise file.problem(
                    ("kernel", "language"),
                    f"found {table.kernel.language!r}, but language = {table.language!r} above",
                    "say it once, in [kernel]",
                )
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
        held_out=tuple(_held_out(file, ("held-out", n), each) for n, each in enumerate(table.held_out)),
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


def _held_out(file: TaskFile, key: Key, table: schema.HeldOutTable) -> HeldOut:
    params: dict[str, int | Range] = {}
    for name, value in table.params.items():
        drawn = parse_range(value) if isinstance(value, str) else value
        if drawn is None:
            raise file.problem(
                (*key, "params"),
                f"{name} = {found(value)}; expected a number, or a range from low to high",
                f'{name} = "500..700"   or, for multiples: {name} = "512..1024 step 64"',
            )
        params[name] = drawn
    return HeldOut(
        params=params,
        name=table.name,
        count=table.count,
        args=tuple(table.args or ()),
        stdin=table.stdin,
        files=tuple(table.files or ()),
        env=dict(table.env),
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
    if table.ulps is not None:
        return Tolerance(table.rtol or 0.0, table.atol or 0.0, table.ulps)
    return Tolerance(
        rtol=default.rtol if table.rtol is None else table.rtol,
        atol=default.atol if table.atol is None else table.atol,
        ulps=default.ulps if table.rtol is None else None,
    )


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

    prototype = table.prototype or _declared(file, table, sources, tree, language)
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
        launch=_launch(table.launch) if table.launch is not None else None,
    )


def _launch(table: schema.LaunchTable) -> Launch:
    shared = {} if table.shared is None else {"shared": table.shared}
    return Launch(tuple(table.grid), tuple(table.block), **shared)


def _declared(
    file: TaskFile, table: schema.KernelTable, sources: Sequence[str], tree: Tree, language: Language
) -> str:
    """The prototype as the header or the source has it, for a task file that does not repeat it."""
    from loopwright.tasks.prototype import find_declaration

    looked = [path for path in (table.header, *sources) if path is not None]
    for path in looked:
        text = tree.get(path, b"").decode("utf-8", "replace")
        if (declaration := find_declaration(table.function, text)) is not None:
            # A header for C may say it to C++ alone.
            return declaration.removeprefix('extern "C" ') if language is Language.C else declaration
    raise file.problem(
        ("kernel", "prototype"),
        f"missing, and no declaration of {table.function!r} was found in {', '.join(looked) or 'any file'}",
        f'add prototype = "void {table.function}(int n, const double *x, double *y)" as it is in the source',
    )


def _argument(
    file: TaskFile, key: Key, table: schema.ArgumentTable, default: Tolerance, stated: bool
) -> Argument:
    if table.role is None and table.shape is not None:
        raise file.problem(
            (*key, "role"),
            "missing; an array is 'in', 'out' or 'inout'",
            'add role = "in" when the kernel only reads it',
        )
    if table.role in ("out", "inout"):
        tolerance = _own_tolerance(table, Dtype(table.dtype), default, stated)
    else:
        tolerance = None
        _refuse_tolerance(file, key, table)
    return Argument(
        name=table.name,
        role=Role(table.role or "in"),
        dtype=Dtype(table.dtype),
        shape=tuple(table.shape or ()),
        value=table.value,
        init=_init(file, (*key, "init"), table.init),
        tolerance=tolerance,
    )


def _refuse_tolerance(file: TaskFile, key: Key, table: schema.ArgumentTable) -> None:
    for name in ("rtol", "atol", "ulps"):
        if getattr(table, name) is not None:
            raise file.problem(
                (*key, name), "an 'in' argument must stay unchanged to the last bit", f"remove {name}"
            )


def _init(file: TaskFile, key: Key, table: dict[str, Any] | None) -> Init:
    if table is None:
        return Init()
    options = dict(table)
    if "kind" not in options:
        raise file.problem(
            key,
            "missing 'kind'" + suggestion(next(iter(options), ""), ["kind"]),
            'init = { kind = "uniform", low = -1, high = 1 }',
        )
    kind = options.pop("kind")
    if not isinstance(kind, str):
        raise file.problem(key, f"kind: found {found(kind)}; expected a string")
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise file.problem(key, f"{name}: found {found(value)}; expected a number or an expression")
    return Init(kind, options)
