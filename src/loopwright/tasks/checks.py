"""What the keys of a task mean beside each other and beside the files: everything that needs no compiler."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from pathlib import PurePosixPath

from loopwright.core.errors import TaskError
from loopwright.core.task import Case, HeldOut, StdoutMode, Task, Tolerance
from loopwright.tasks.build_checks import check_build
from loopwright.tasks.case_checks import NAME, check_cases, check_held_out
from loopwright.tasks.held_out import ends_of
from loopwright.tasks.problems import Key, TaskFile, found, suggestion
from loopwright.tasks.references import (
    check_integer_tolerance,
    check_names,
    check_path,
    check_unique,
    some_of,
)

BUILD_FILES = ("Makefile", "makefile", "GNUmakefile", "CMakeLists.txt", "configure", "meson.build")

_MAIN = re.compile(rb"\bmain\b")


def check_task(file: TaskFile, task: Task) -> None:
    """Check a task whose tables are well-formed.

    Raises:
        TaskError: about the first thing that is wrong.
    """
    from loopwright.tasks.kernel_checks import check_kernel

    if not NAME.fullmatch(task.name):
        raise file.problem(
            ("name",),
            f"found {found(task.name)}; expected a short name",
            "letters, digits, and . _ + - after the first; at most 64",
        )
    check_build(file, task)
    check_cases(file, task)
    check_held_out(file, task)
    _check_output(file, task)
    # Expressions have to make sense at both ends of every range, not only for the cases that are given.
    with_ends = replace(task, cases=(*task.cases, *ends_of(task)))
    _check_work(file, with_ends)
    if task.kernel is not None:
        check_kernel(file, with_ends)
    elif not any(_MAIN.search(content) for content in task.tree.values()):
        raise file.problem(
            ("build",),
            "no file of this task has a main function",
            "a program task needs one; for a single function without main, add [kernel]",
        )
    _check_editable(file, task)


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
    given: tuple[Case | HeldOut, ...] = (*task.cases, *task.held_out)
    inputs = {path for case in given for path in (*case.files, *([case.stdin] if case.stdin else []))}
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
