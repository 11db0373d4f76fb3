"""The `[build]` table: sources that exist, a command that the compiler and its flags can reach."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from loopwright.core.task import Language, Task
from loopwright.tasks.problems import TaskFile, suggestion
from loopwright.tasks.references import check_in_tree, check_path, check_unique

PLACEHOLDERS = ("cc", "cxx", "cflags", "ldflags", "exe")

_LIBRARY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_DEFINE = re.compile(r"[A-Za-z_]\w*(\([^)]*\))?(=.*)?", re.DOTALL)
_PLACEHOLDER = re.compile(r"(?<![$\\])\{([A-Za-z_]*)\}")
_STANDARDS = {
    Language.C: ("c89", "c90", "c99", "c11", "c17", "c18", "c2x", "c23",
                 "gnu89", "gnu90", "gnu99", "gnu11", "gnu17", "gnu18", "gnu2x", "gnu23"),
    Language.CXX: ("c++98", "c++03", "c++11", "c++14", "c++17", "c++20", "c++23", "c++2a", "c++2b", "c++26",
                   "gnu++98", "gnu++03", "gnu++11", "gnu++14", "gnu++17", "gnu++20", "gnu++23", "gnu++2a",
                   "gnu++2b", "gnu++26"),
}  # fmt: skip
_FAST_MATH = (
    "-ffast-math",
    "-Ofast",
    "-funsafe-math-optimizations",
    "-fassociative-math",
    "-freciprocal-math",
    "-ffinite-math-only",
)
_NOT_FLAGS = ("-o", "-c", "-S", "-E")


def check_build(file: TaskFile, task: Task) -> None:
    """Check the `[build]` table of a task.

    Raises:
        TaskError: about the first thing that is wrong.
    """
    build, stated = task.build, file.data.get("build", {})
    if "sources" in stated and build.command is not None:
        raise file.problem(
            ("build", "command"),
            "both 'sources' and 'command' are given; expected one",
            "remove sources, if the command is how the program is built",
        )
    if build.command is not None:
        _check_command(file, build.command, task)
        for name in ("libs", "standard"):
            if getattr(build, name):
                raise file.problem(
                    ("build", name),
                    f"'{name}' says nothing to a build by 'command'",
                    "put it into the command, as in CFLAGS={cflags}' -std=c99' LDLIBS=-lm",
                )
    elif not build.sources:
        raise file.problem(
            ("build",),
            "neither 'sources' nor 'command' is given",
            'add sources = ["main.c"], or command = "make CC={cc} CFLAGS={cflags} …"',
        )
    elif build.executable is not None:
        raise file.problem(("build", "executable"), "has a meaning beside 'command' only", "remove it")
    for n, source in enumerate(build.sources):
        check_in_tree(file, ("build", "sources", n), source, task, "source")
        if PurePosixPath(source).suffix in (".h", ".hpp", ".hh", ".hxx"):
            raise file.problem(
                ("build", "sources", n),
                f"{source!r} is a header; it is not compiled by itself",
                "remove it from sources",
            )
    check_unique(file, ("build", "sources"), build.sources)
    for n, folder in enumerate(build.include):
        check_path(file, ("build", "include", n), folder, kind="folder")
        inside = folder in (".", "./") or any(p.startswith(folder.rstrip("/") + "/") for p in task.tree)
        if not inside:
            raise file.problem(("build", "include", n), f"no folder {folder!r} with files in it")
    for n, library in enumerate(build.libs):
        if not _LIBRARY.fullmatch(library):
            plain = re.sub(r"^(-l|lib)|\.(so|a)$", "", PurePosixPath(library).name)
            raise file.problem(
                ("build", "libs", n),
                f"found {library!r}; expected the name of a library",
                f'write "{plain or "m"}" for -l{plain or "m"}',
            )
    for n, define in enumerate(build.defines):
        if not _DEFINE.fullmatch(define):
            raise file.problem(
                ("build", "defines", n),
                f"found {define!r}; expected NAME or NAME=VALUE",
                'write "N=64" for -DN=64',
            )
    _check_flags(file, task)


def _check_command(file: TaskFile, command: str, task: Task) -> None:
    key = ("build", "command")
    used = [match.group(1) for match in _PLACEHOLDER.finditer(command)]
    listed = ", ".join("{" + name + "}" for name in PLACEHOLDERS)
    for name in used:
        if name not in PLACEHOLDERS:
            raise file.problem(
                key,
                f"unknown placeholder {{{name}}}{suggestion(name, PLACEHOLDERS)}",
                f"known: {listed}; a shell variable is written ${{{name}}}",
            )
    if (name := _quoted_placeholder(command)) is not None:
        raise file.problem(
            key,
            f"{{{name}}} stands in quotes; it is quoted already when it is put in",
            f"as in CFLAGS={{{name}}}, or with more beside it: CFLAGS={{{name}}}' -std=c99'",
        )
    for group, why in (
        (("cflags",), "the flags that make the program parallel could not reach the compiler"),
        (("cc", "cxx"), "the compiler could not be chosen"),
    ):
        if not set(group) & set(used):
            names = " or ".join("{" + name + "}" for name in group)
            raise file.problem(
                key, f"without {names} in the command {why}", 'as in "make CC={cc} CFLAGS={cflags} OUT={exe}"'
            )
    executable = task.build.executable
    if "exe" not in used and executable is None:
        raise file.problem(
            key,
            "has no {exe}, and 'executable' does not say what it builds",
            'add {exe} to the command, or executable = "build/heat"',
        )
    if executable is not None:
        if "exe" in used:
            raise file.problem(
                ("build", "executable"), "the command has {exe} as well; expected one", "remove executable"
            )
        check_path(file, ("build", "executable"), executable)


def _check_flags(file: TaskFile, task: Task) -> None:
    key = ("build", "flags")
    for flag in task.build.flags:
        if flag in _NOT_FLAGS or _PLACEHOLDER.search(flag) or "\0" in flag:
            raise file.problem(
                key,
                f"{flag!r} is not a flag of optimisation; Loopwright adds what a build needs",
                f"remove {flag}",
            )
        if flag.startswith("-std="):
            raise file.problem(
                key, f"{flag!r}: the standard has a key of its own", f'write standard = "{flag[5:]}" instead'
            )
        if flag in _FAST_MATH and not task.fast_math:
            raise file.problem(
                key,
                f"{flag!r} changes results, and this task does not allow that",
                f"remove {flag}, or add fast_math = true at the top of the file",
            )
    if task.build.flags and not task.build.flags[0].startswith("-"):
        raise file.problem(
            key, f"found {task.build.flags[0]!r}; a flag starts with '-'", f'write "-{task.build.flags[0]}"'
        )
    standard = task.build.standard
    if standard is not None:
        known = (*_STANDARDS[Language.C], *_STANDARDS[Language.CXX])
        if standard not in known:
            raise file.problem(
                ("build", "standard"),
                f"unknown standard {standard!r}{suggestion(standard.removeprefix('-std='), known)}",
                'as in "c11", "gnu17" or "c++17"',
            )
        if task.language is Language.C and "++" in standard:
            raise file.problem(
                ("build", "standard"),
                f"{standard!r} is C++, the sources are C",
                'write language = "c++" at the top of the file if they are not',
            )


def _quoted_placeholder(command: str) -> str | None:
    """The first placeholder that stands inside shell quotes, None when none does."""
    quote = ""
    position = 0
    while position < len(command):
        char = command[position]
        if char == "\\" and quote != "'":
            position += 2
            continue
        if quote:
            if char == quote:
                quote = ""
            elif (match := _PLACEHOLDER.match(command, position)) is not None:
                return match.group(1)
        elif char in "'\"":
            quote = char
        position += 1
    return None
