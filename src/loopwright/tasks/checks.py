"""What the keys of a task mean beside each other and beside the files: everything that needs no compiler."""

from __future__ import annotations

import fnmatch
import keyword
import re
from pathlib import PurePosixPath

from loopwright.core.errors import TaskError
from loopwright.core.task import Case, StdoutMode, Task, Tolerance, Use
from loopwright.tasks.build_checks import check_build
from loopwright.tasks.problems import Key, TaskFile, found, suggestion
from loopwright.tasks.references import (
    check_in_tree,
    check_integer_tolerance,
    check_names,
    check_path,
    check_unique,
    some_of,
)

BUILD_FILES = ("Makefile", "makefile", "GNUmakefile", "CMakeLists.txt", "configure", "meson.build")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN_VARIABLES = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_DYNAMIC")
_MAIN = re.compile(rb"\bmain\b")


def check_task(file: TaskFile, task: Task) -> None:
    """Check a task whose tables are well-formed.

    Raises:
        TaskError: about the first thing that is wrong.
    """
    from loopwright.tasks.kernel_checks import check_kernel

    if not _NAME.fullmatch(task.name):
        raise file.problem(
            ("name",),
            f"found {found(task.name)}; expected a short name",
            "letters, digits, and . _ + - after the first; at most 64",
        )
    check_build(file, task)
    _check_cases(file, task)
    _check_output(file, task)
    _check_work(file, task)
    if task.kernel is not None:
        check_kernel(file, task)
    elif not any(_MAIN.search(content) for content in task.tree.values()):
        raise file.problem(
            ("build",),
            "no file of this task has a main function",
            "a program task needs one; for a single function without main, add [kernel]",
        )
    _check_editable(file, task)


def _check_cases(file: TaskFile, task: Task) -> None:
    if not task.cases:
        raise file.problem(
            ("case",),
            'no case is given; expected at least one with use = "time"',
            'add [[case]] with name = "full" and use = "time"',
        )
    seen: dict[str, int] = {}
    for n, case in enumerate(task.cases):
        key: Key = ("case", n)
        if not _NAME.fullmatch(case.name):
            raise file.problem(
                (*key, "name"),
                f"found {found(case.name)}; expected a short name",
                "letters, digits, and . _ + - after the first; at most 64",
            )
        if case.name in seen:
            raise file.problem(
                (*key, "name"), f"two cases are named {case.name!r}", "each needs its own name"
            )
        seen[case.name] = n
        _check_case(file, task, key, case)
    if not task.cases_for(Use.TIME):
        raise file.problem(
            ("case",),
            'no case has use = "time"; there would be nothing to make faster',
            'add use = "time" to the case that takes about a second',
        )


def _check_case(file: TaskFile, task: Task, key: Key, case: Case) -> None:
    for n, path in enumerate(case.files):
        check_in_tree(file, (*key, "files", n), path, task, "input file")
    check_unique(file, (*key, "files"), case.files)
    if case.stdin is not None:
        check_in_tree(file, (*key, "stdin"), case.stdin, task, "input file")
    for n, arg in enumerate(case.args):
        if "\0" in arg:
            raise file.problem((*key, "args", n), "an argument cannot hold a zero byte")
    for name, value in case.env.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise file.problem((*key, "env"), f"{name!r} is not the name of an environment variable")
        if name in _OWN_VARIABLES:
            raise file.problem(
                (*key, "env"),
                f"{name} is set by Loopwright, which checks several thread numbers",
                f"remove {name}",
            )
    for name, number in case.params.items():
        if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
            raise file.problem((*key, "params"), f"{name!r} cannot be used as a name in an expression")
        if abs(number) >= 2**63:
            raise file.problem((*key, "params"), f"{name} = {number} is beyond 2**63")
    if task.kernel is None and file.at((*key, "seed")) is not None:
        raise file.problem(
            (*key, "seed"),
            "a program does not get the seed; it is for kernel tasks",
            "remove it, and give the program its seed in args",
        )
    for name in ("args", "stdin", "files"):
        if task.kernel is not None and file.at((*key, name)) is not None:
            raise file.problem(
                (*key, name),
                f"a kernel is called, not started: it has no {name}",
                "remove it; a case of a kernel task gives params and a seed",
            )


def _check_output(file: TaskFile, task: Task) -> None:
    output = task.output
    _check_loose(file, ("output",), output.tolerance)
    if task.kernel is not None:
        for name in ("stdout", "ignore", "files"):
            if file.at(("output", name)) is not None:
                raise file.problem(
                    ("output", name),
                    "the outputs of a kernel task are its arguments",
                    "remove it; rtol, atol and ulps are what [output] says here",
                )
        return
    for n, pattern in enumerate(output.ignore):
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise file.problem(
                ("output", "ignore", n),
                f"{pattern!r} is not a regular expression: {error}",
                r'as in "^time"; write \\( in a string for a bracket itself',
            ) from None
        if all(re.search(pattern, line) for line in ("", "1.5 -2", "sum = 3e-7")):
            raise file.problem(
                ("output", "ignore", n),
                f"{pattern!r} matches every line: nothing would be compared",
                'use stdout = "ignore" if that is meant',
            )
    for n, entry in enumerate(output.files):
        key: Key = ("output", "files", n)
        check_path(file, (*key, "path"), entry.path)
        if not entry.dtype.is_float:
            check_integer_tolerance(file, key, entry.path, entry.dtype)
        if entry.tolerance is not None:
            _check_loose(file, key, entry.tolerance)
        if task.is_editable(entry.path) and entry.path in task.tree:
            raise file.problem((*key, "path"), f"{entry.path!r} is an editable file, not an output")
    check_unique(file, ("output", "files"), [entry.path for entry in output.files])
    if output.stdout is StdoutMode.IGNORE and not output.files:
        raise file.problem(
            ("output",),
            "stdout is ignored and no file is named: nothing would be compared",
            'stdout = "numbers", or files = [{ path = "field.bin", dtype = "f64" }]',
        )


def _check_loose(file: TaskFile, key: Key, tolerance: Tolerance) -> None:
    if tolerance.atol >= 1e300:
        raise file.problem((*key, "atol"), f"found {tolerance.atol:g}: any two numbers would be equal")


def _check_work(file: TaskFile, task: Task) -> None:
    for name, expression in (("bytes", task.work.bytes), ("flops", task.work.flops)):
        if expression is None:
            continue
        check_names(file, ("work", name), expression, task.cases)
        for case in task.cases:
            stated = task.work.bytes_of if name == "bytes" else task.work.flops_of
            try:
                value = stated(case)
            except TaskError as error:
                raise file.problem(("work", name), f"case {case.name!r}: {error.message}") from None
            if value is not None and value < 0:
                raise file.problem(
                    ("work", name), f"is {value:g} for case {case.name!r}; it cannot be negative"
                )


def _check_editable(file: TaskFile, task: Task) -> None:
    if not task.editable:
        raise file.problem(
            ("editable",),
            "nothing may be edited; expected at least one file",
            f'name the files to make faster, as in editable = ["{_first_source(task)}"]',
        )
    for n, glob in enumerate(task.editable):
        check_path(file, ("editable", n), glob, kind="file or glob")
        if not any(fnmatch.fnmatchcase(path, glob) for path in task.tree):
            raise file.problem(
                ("editable", n),
                f"{glob!r} matches no file in {file.path.parent}{suggestion(glob, task.tree)}",
                f"files there: {some_of(task.tree)}",
            )
    inputs = {path for case in task.cases for path in (*case.files, *([case.stdin] if case.stdin else []))}
    protected = [(path, "an input of a case") for path in sorted(inputs)]
    if task.build.command is not None:
        scripts = [
            p for p in task.tree if p.endswith((".mk", ".cmake")) or PurePosixPath(p).name in BUILD_FILES
        ]
        protected += [(path, "part of how the task is built") for path in (*scripts, *BUILD_FILES)]
    if task.kernel is not None:
        if task.kernel.header is not None:
            protected.append((task.kernel.header, "read by the driver that judges the kernel"))
        sources = [a.init.options.get("source") for a in task.kernel.arguments]
        protected += [(str(source), "what makes the inputs") for source in sources if source is not None]
    for path, why in protected:
        if task.is_editable(path):
            glob = next(g for g in task.editable if fnmatch.fnmatchcase(path, g))
            raise file.problem(
                ("editable", task.editable.index(glob)),
                f"{glob!r} covers {path!r}, which is {why} and has to stay protected",
                f'name the source files alone, as in editable = ["{_first_source(task)}"]',
            )


def _first_source(task: Task) -> str:
    from loopwright.tasks.read import SOURCE_SUFFIXES

    sources = (*task.build.sources, *(p for p in task.tree if PurePosixPath(p).suffix in SOURCE_SUFFIXES))
    return next(iter(sources), "kernel.c")
