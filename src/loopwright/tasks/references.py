"""Checks of what a key refers to: a file of the task, a parameter of its cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from loopwright.core.errors import TaskError
from loopwright.core.expressions import names_in
from loopwright.core.task import Case, Task
from loopwright.tasks.problems import Key, TaskFile, found, suggestion


def check_path(file: TaskFile, key: Key, path: str, *, kind: str = "file") -> None:
    """Check that `path` stays inside the task, in its shortest form.

    Raises:
        TaskError: when it is empty, absolute, climbs out, or is written in a roundabout way.
    """
    pure = PurePosixPath(path)
    if not path or "\0" in path:
        raise file.problem(key, f"found {found(path)}; expected the path of a {kind}")
    if pure.is_absolute() or path.startswith("~"):
        raise file.problem(
            key,
            f"{path!r} is an absolute path; a task is complete in itself",
            "copy the file into the task's folder and give its path from there",
        )
    if ".." in pure.parts:
        raise file.problem(
            key,
            f"{path!r} leads out of the task's folder ('..')",
            "copy the file into the task's folder and give its path from there",
        )
    if str(pure) != path.rstrip("/") and path != ".":
        raise file.problem(key, f"{path!r} is the long form of {str(pure)!r}", f'write "{pure}"')


def check_in_tree(file: TaskFile, key: Key, path: str, task: Task, kind: str) -> None:
    """Check that `path` is a file of the task.

    Raises:
        TaskError: when it is not; names the nearest file there is.
    """
    check_path(file, key, path, kind=kind)
    if path in task.tree:
        return
    if any(other.startswith(path.rstrip("/") + "/") for other in task.tree):
        raise file.problem(key, f"{path!r} is a folder; expected a {kind}", "name each file")
    glob = any(char in path for char in "*?[")
    raise file.problem(
        key,
        f"no {kind} {path!r} in {file.path.parent}{suggestion(path, task.tree)}",
        "globs are not expanded here: name each file" if glob else f"files there: {some_of(task.tree)}",
    )


def check_integer_tolerance(file: TaskFile, key: Key, name: str, dtype: str) -> None:
    """Refuse the relative keys on an integer array.

    Raises:
        TaskError: when `ulps` or `rtol` is given there.
    """
    for option in ("ulps", "rtol"):
        if file.at((*key, option)) is not None:
            raise file.problem(
                (*key, option),
                f"{name!r} holds integers ({dtype}): they are equal or not",
                f"remove {option}; atol = 1 would allow a difference of one",
            )


def check_names(file: TaskFile, key: Key, expression: str, cases: Iterable[Case]) -> None:
    """Check that `expression` is one, and that every case gives the parameters in it.

    Raises:
        TaskError: otherwise.
    """
    try:
        names = names_in(expression)
    except TaskError as error:
        raise file.problem(key, error.message, 'as in "16 * n * n * steps"') from None
    for case in cases:
        for name in sorted(names - set(case.params)):
            given = ", ".join(case.params) or "none"
            raise file.problem(
                key,
                f"{expression!r} needs the parameter {name!r}; case {case.name!r} gives {given}"
                + suggestion(name, case.params),
                f"add params = {{ {name} = … }} to the case",
            )


def check_unique(file: TaskFile, key: Key, values: Sequence[str]) -> None:
    """Refuse a value that stands twice in a list.

    Raises:
        TaskError: about the second one.
    """
    for n, value in enumerate(values):
        if value in values[:n]:
            raise file.problem((*key, n), f"{value!r} is given twice", "remove one")


def some_of(paths: Iterable[str]) -> str:
    """The first dozen of `paths`, and how many more there are."""
    names = list(paths)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "none"
