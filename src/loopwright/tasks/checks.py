"""What the keys of a task mean beside each other and beside the files: everything that needs no compiler."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from loopwright.core.errors import TaskError
from loopwright.core.expressions import names_in
from loopwright.core.task import Case, Language, StdoutMode, Task, Tolerance, Use
from loopwright.tasks.problems import Key, TaskFile, found, suggestion

PLACEHOLDERS = ("cc", "cxx", "cflags", "ldflags", "exe")
BUILD_FILES = ("Makefile", "makefile", "GNUmakefile", "CMakeLists.txt", "configure", "meson.build")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIBRARY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_DEFINE = re.compile(r"[A-Za-z_]\w*(\([^)]*\))?(=.*)?", re.DOTALL)
_PLACEHOLDER = re.compile(r"(?<![$\\])\{([A-Za-z_]*)\}")
_QUOTED = re.compile(r"""["']\{([a-z]+)\}["']|["'][^"'=\s]*=\{([a-z]+)\}["']""")
_STANDARDS = {
    Language.C: ("c89", "c90", "c99", "c11", "c17", "c18", "c2x", "c23",
                 "gnu89", "gnu90", "gnu99", "gnu11", "gnu17", "gnu18", "gnu2x", "gnu23"),
    Language.CXX: ("c++98", "c++03", "c++11", "c++14", "c++17", "c++20", "c++23", "c++2a", "c++2b", "c++26",
                   "gnu++98", "gnu++03", "gnu++11", "gnu++14", "gnu++17", "gnu++20", "gnu++23", "gnu++2a",
                   "gnu++2b", "gnu++26"),
}  # fmt: skip
_FAST_MATH = ("-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-fassociative-math",
              "-freciprocal-math", "-ffinite-math-only")  # fmt: skip
_NOT_FLAGS = ("-o", "-c", "-S", "-E")
_OWN_VARIABLES = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_DYNAMIC")
_MAIN = re.compile(r"\bmain\b")


def check_task(file: TaskFile, task: Task) -> None:
    """Check a task whose tables are well-formed.

    Raises:
        TaskError: about the first thing that is wrong.
    """
    from loopwright.tasks.kernel_checks import check_kernel

    if not _NAME.fullmatch(task.name):
        raise file.problem(("name",), f"found {found(task.name)}; expected a short name",
                           "letters, digits, and . _ + - after the first; at most 64")  # fmt: skip
    _check_build(file, task)
    _check_cases(file, task)
    _check_output(file, task)
    _check_work(file, task)
    if task.kernel is not None:
        check_kernel(file, task)
    elif not any(_MAIN.search(content.decode("utf-8", "replace")) for content in task.tree.values()):
        raise file.problem(
            ("build",),
            "no file of this task has a main function",
            "a program task needs one; for a single function without main, add [kernel]",
        )
    _check_editable(file, task)


def check_path(file: TaskFile, key: Key, path: str, *, kind: str = "file") -> None:
    """Check that `path` stays inside the task, in its shortest form.

    Raises:
        TaskError: when it is empty, absolute, climbs out, or is written in a roundabout way.
    """
    pure = PurePosixPath(path)
    if not path or "\0" in path:
        raise file.problem(key, f"found {found(path)}; expected the path of a {kind}")
    if pure.is_absolute() or path.startswith("~"):
        raise file.problem(key, f"{path!r} is an absolute path; a task is complete in itself",
                           "copy the file into the task's folder and give its path from there")  # fmt: skip
    if ".." in pure.parts:
        raise file.problem(key, f"{path!r} leads out of the task's folder ('..')",
                           "copy the file into the task's folder and give its path from there")  # fmt: skip
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
        "globs are not expanded here: name each file" if glob else f"files there: {_some(task.tree)}",
    )


def check_integer_tolerance(file: TaskFile, key: Key, name: str, dtype: str) -> None:
    """Refuse the relative keys on an integer array.

    Raises:
        TaskError: when `ulps` or `rtol` is given there.
    """
    for option in ("ulps", "rtol"):
        if file.at((*key, option)) is not None:
            raise file.problem((*key, option), f"{name!r} holds integers ({dtype}): they are equal or not",
                               f"remove {option}; atol = 1 would allow a difference of one")  # fmt: skip


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


def _check_build(file: TaskFile, task: Task) -> None:
    build, stated = task.build, file.data.get("build", {})
    if "sources" in stated and build.command is not None:
        raise file.problem(("build", "command"), "both 'sources' and 'command' are given; expected one",
                           "remove sources, if the command is how the program is built")  # fmt: skip
    if build.command is not None:
        _check_command(file, build.command, task)
    elif not build.sources:
        raise file.problem(("build",), "neither 'sources' nor 'command' is given",
                           'add sources = ["main.c"], or command = "make CC={cc} CFLAGS={cflags} …"')  # fmt: skip
    elif build.executable is not None:
        raise file.problem(("build", "executable"), "has a meaning beside 'command' only", "remove it")
    for n, source in enumerate(build.sources):
        check_in_tree(file, ("build", "sources", n), source, task, "source")
        if PurePosixPath(source).suffix in (".h", ".hpp", ".hh", ".hxx"):
            raise file.problem(("build", "sources", n), f"{source!r} is a header; it is not compiled by itself",
                               "remove it from sources")  # fmt: skip
    _check_unique(file, ("build", "sources"), build.sources)
    for n, folder in enumerate(build.include):
        check_path(file, ("build", "include", n), folder, kind="folder")
        inside = folder in (".", "./") or any(p.startswith(folder.rstrip("/") + "/") for p in task.tree)
        if not inside:
            raise file.problem(("build", "include", n), f"no folder {folder!r} with files in it")
    for n, library in enumerate(build.libs):
        if not _LIBRARY.fullmatch(library):
            plain = re.sub(r"^(-l|lib)|\.(so|a)$", "", PurePosixPath(library).name)
            raise file.problem(("build", "libs", n), f"found {library!r}; expected the name of a library",
                               f'write "{plain or "m"}" for -l{plain or "m"}')  # fmt: skip
    for n, define in enumerate(build.defines):
        if not _DEFINE.fullmatch(define):
            raise file.problem(("build", "defines", n), f"found {define!r}; expected NAME or NAME=VALUE",
                               'write "N=64" for -DN=64')  # fmt: skip
    _check_flags(file, task)


def _check_command(file: TaskFile, command: str, task: Task) -> None:
    key = ("build", "command")
    used = [match.group(1) for match in _PLACEHOLDER.finditer(command)]
    listed = ", ".join("{" + name + "}" for name in PLACEHOLDERS)
    for name in used:
        if name not in PLACEHOLDERS:
            raise file.problem(key, f"unknown placeholder {{{name}}}{suggestion(name, PLACEHOLDERS)}",
                               f"known: {listed}; a shell variable is written ${{{name}}}")  # fmt: skip
    if match := _QUOTED.search(command):
        name = match.group(1) or match.group(2)
        raise file.problem(key, f"{{{name}}} stands in quotes; it is quoted already when it is put in",
                           f"write {match.group(0).strip(chr(34) + chr(39))} without the quotes")  # fmt: skip
    for group, why in (
        (("cflags",), "the flags that make the program parallel could not reach the compiler"),
        (("cc", "cxx"), "the compiler could not be chosen"),
    ):
        if not set(group) & set(used):
            names = " or ".join("{" + name + "}" for name in group)
            raise file.problem(key, f"without {names} in the command {why}",
                               'as in "make CC={cc} CFLAGS={cflags} OUT={exe}"')  # fmt: skip
    executable = task.build.executable
    if "exe" not in used and executable is None:
        raise file.problem(key, "has no {exe}, and 'executable' does not say what it builds",
                           'add {exe} to the command, or executable = "build/heat"')  # fmt: skip
    if executable is not None:
        if "exe" in used:
            raise file.problem(("build", "executable"), "the command has {exe} as well; expected one",
                               "remove executable")  # fmt: skip
        check_path(file, ("build", "executable"), executable)


def _check_flags(file: TaskFile, task: Task) -> None:
    key = ("build", "flags")
    for flag in task.build.flags:
        if flag in _NOT_FLAGS or _PLACEHOLDER.search(flag) or "\0" in flag:
            raise file.problem(key, f"{flag!r} is not a flag of optimisation; Loopwright adds what a build needs",
                               f"remove {flag}")  # fmt: skip
        if flag.startswith("-std="):
            raise file.problem(key, f"{flag!r}: the standard has a key of its own",
                               f'write standard = "{flag[5:]}" instead')  # fmt: skip
        if flag in _FAST_MATH and not task.fast_math:
            raise file.problem(key, f"{flag!r} changes results, and this task does not allow that",
                               f"remove {flag}, or add fast_math = true at the top of the file")  # fmt: skip
    if task.build.flags and not task.build.flags[0].startswith("-"):
        raise file.problem(key, f"found {task.build.flags[0]!r}; a flag starts with '-'",
                           f'write "-{task.build.flags[0]}"')  # fmt: skip
    standard = task.build.standard
    if standard is not None:
        known = (*_STANDARDS[Language.C], *_STANDARDS[Language.CXX])
        if standard not in known:
            raise file.problem(("build", "standard"),
                               f"unknown standard {standard!r}{suggestion(standard.removeprefix('-std='), known)}",
                               'as in "c11", "gnu17" or "c++17"')  # fmt: skip
        if task.language is Language.C and "++" in standard:
            raise file.problem(("build", "standard"), f"{standard!r} is C++, the sources are C",
                               'write language = "c++" at the top of the file if they are not')  # fmt: skip


def _check_cases(file: TaskFile, task: Task) -> None:
    if not task.cases:
        raise file.problem(("case",), "no case is given; expected at least one with use = \"time\"",
                           'add [[case]] with name = "full" and use = "time"')  # fmt: skip
    seen: dict[str, int] = {}
    for n, case in enumerate(task.cases):
        key: Key = ("case", n)
        if not _NAME.fullmatch(case.name):
            raise file.problem((*key, "name"), f"found {found(case.name)}; expected a short name",
                               "letters, digits, and . _ + - after the first; at most 64")  # fmt: skip
        if case.name in seen:
            raise file.problem(
                (*key, "name"), f"two cases are named {case.name!r}", "each needs its own name"
            )
        seen[case.name] = n
        _check_case(file, task, key, case)
    if not task.cases_for(Use.TIME):
        raise file.problem(("case",), 'no case has use = "time"; there would be nothing to make faster',
                           'add use = "time" to the case that takes about a second')  # fmt: skip


def _check_case(file: TaskFile, task: Task, key: Key, case: Case) -> None:
    for n, path in enumerate(case.files):
        check_in_tree(file, (*key, "files", n), path, task, "input file")
    _check_unique(file, (*key, "files"), case.files)
    if case.stdin is not None:
        check_in_tree(file, (*key, "stdin"), case.stdin, task, "input file")
    for n, arg in enumerate(case.args):
        if "\0" in arg:
            raise file.problem((*key, "args", n), "an argument cannot hold a zero byte")
    for name, value in case.env.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise file.problem((*key, "env"), f"{name!r} is not the name of an environment variable")
        if name in _OWN_VARIABLES:
            raise file.problem((*key, "env"), f"{name} is set by Loopwright, which checks several thread numbers",
                               f"remove {name}")  # fmt: skip
    for name, number in case.params.items():
        if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
            raise file.problem((*key, "params"), f"{name!r} cannot be used as a name in an expression")
        if abs(number) >= 2**63:
            raise file.problem((*key, "params"), f"{name} = {number} is beyond 2**63")
    if task.kernel is None and file.at((*key, "seed")) is not None:
        raise file.problem((*key, "seed"), "a program does not get the seed; it is for kernel tasks",
                           "remove it, and give the program its seed in args")  # fmt: skip
    for name in ("args", "stdin", "files"):
        if task.kernel is not None and file.at((*key, name)) is not None:
            raise file.problem((*key, name), f"a kernel is called, not started: it has no {name}",
                               "remove it; a case of a kernel task gives params and a seed")  # fmt: skip


def _check_output(file: TaskFile, task: Task) -> None:
    output = task.output
    _check_loose(file, ("output",), output.tolerance)
    if task.kernel is not None:
        for name in ("stdout", "ignore", "files"):
            if file.at(("output", name)) is not None:
                raise file.problem(("output", name), "the outputs of a kernel task are its arguments",
                                   "remove it; rtol, atol and ulps are what [output] says here")  # fmt: skip
        return
    for n, pattern in enumerate(output.ignore):
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise file.problem(("output", "ignore", n), f"{pattern!r} is not a regular expression: {error}",
                               r'as in "^time"; write \\( in a string for a bracket itself')  # fmt: skip
        if re.search(pattern, "") is not None:
            raise file.problem(("output", "ignore", n), f"{pattern!r} matches every line: nothing would be compared",
                               'use stdout = "ignore" if that is meant')  # fmt: skip
    for n, entry in enumerate(output.files):
        key: Key = ("output", "files", n)
        check_path(file, (*key, "path"), entry.path)
        if not entry.dtype.is_float:
            check_integer_tolerance(file, key, entry.path, entry.dtype)
        if entry.tolerance is not None:
            _check_loose(file, key, entry.tolerance)
        if task.is_editable(entry.path) and entry.path in task.tree:
            raise file.problem((*key, "path"), f"{entry.path!r} is an editable file, not an output")
    _check_unique(file, ("output", "files"), [entry.path for entry in output.files])
    if output.stdout is StdoutMode.IGNORE and not output.files:
        raise file.problem(("output",), "stdout is ignored and no file is named: nothing would be compared",
                           'stdout = "numbers", or files = [{ path = "field.bin", dtype = "f64" }]')  # fmt: skip


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
        raise file.problem(("editable",), "nothing may be edited; expected at least one file",
                           f"name the files to make faster, as in editable = [\"{_first_source(task)}\"]")  # fmt: skip
    for n, glob in enumerate(task.editable):
        check_path(file, ("editable", n), glob, kind="file or glob")
        if not any(Task.is_editable(_only(task, glob), path) for path in task.tree):
            raise file.problem(
                ("editable", n),
                f"{glob!r} matches no file in {file.path.parent}{suggestion(glob, task.tree)}",
                f"files there: {_some(task.tree)}",
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
            glob = next(g for g in task.editable if Task.is_editable(_only(task, g), path))
            raise file.problem(("editable", task.editable.index(glob)),
                               f"{glob!r} covers {path!r}, which is {why} and has to stay protected",
                               f"name the source files alone, as in editable = [\"{_first_source(task)}\"]")  # fmt: skip


def _only(task: Task, glob: str) -> Task:
    return Task(task.name, task.tree, (glob,), task.build, ())


def _first_source(task: Task) -> str:
    from loopwright.tasks.load import SOURCE_SUFFIXES

    sources = (*task.build.sources, *(p for p in task.tree if PurePosixPath(p).suffix in SOURCE_SUFFIXES))
    return next(iter(sources), "kernel.c")


def _check_unique(file: TaskFile, key: Key, values: Sequence[str]) -> None:
    for n, value in enumerate(values):
        if value in values[:n]:
            raise file.problem((*key, n), f"{value!r} is given twice", "remove one")


def _some(paths: Iterable[str]) -> str:
    names = list(paths)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "none"
