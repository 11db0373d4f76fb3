"""A first task file for a directory that has none: `loopwright init DIR`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from loopwright.core.errors import TaskError
from loopwright.core.task import Build, Case, Language, Task, Use
from loopwright.core.tree import Tree
from loopwright.tasks import source_facts
from loopwright.tasks.cmakelists import infer_cmake, infer_compile_commands
from loopwright.tasks.found_build import FoundBuild
from loopwright.tasks.held_out import held_out_lines
from loopwright.tasks.load import implied_language, task_of
from loopwright.tasks.makefiles import infer_makefile, makefile_in
from loopwright.tasks.naming import escaped, plain_name
from loopwright.tasks.problems import TaskFile
from loopwright.tasks.read import TASK_FILE
from loopwright.tasks.single import single_file_task
from loopwright.tasks.tree import read_tree
from loopwright.tasks.write import task_text

__all__ = ["Inferred", "infer_task", "single_file_task"]

_COMMENTS = {
    "editable": "Globs of the files that may be changed; every other file is protected.",
    "build.flags": "The optimisation that the program is built with today.",
    "build.command": "{cc} {cxx} {cflags} {ldflags} {exe} are put in by Loopwright.",
    "case": 'use = "check": outputs are compared; "time": timed as well; "held-out": run once, at the end.\n'
    "A good task has a small check case, a time case of about a second, and ranges of held-out sizes.",
    "output": 'stdout: "numbers" compares every number printed, "exact" the text, "ignore" nothing.\n'
    'ignore = ["^time"] leaves lines out; files = [{ path = "out.bin", dtype = "f64" }] compares files.',
}


@dataclass(frozen=True)
class Inferred:
    """A task file that was worked out from a directory.

    Attributes:
        text: the task file.
        seen: what was found, and where.
        guessed: what was decided without being said anywhere.
        check: what the user should look at before trusting the task.
    """

    text: str
    seen: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    check: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """All remarks as lines for people, each with its kind in front."""
        kinds = (("found", self.seen), ("guessed", self.guessed), ("check", self.check))
        return tuple(f"{kind}: {remark}" for kind, remarks in kinds for remark in remarks)


def infer_task(directory: Path, args: Sequence[str] = ()) -> Inferred:
    """A task for the program in `directory`, run with `args`; nothing is written.

    Sources and build come from a makefile, a CMakeLists.txt, a compile_commands.json or the sources alone,
    the first of these that tells.

    Raises:
        TaskError: when there is no program: no source, or no main function.
    """
    if directory.is_file():
        raise TaskError(
            "a file, and a task is a folder",
            where=str(directory),
            hint="for one file no task is needed: loopwright optimize prog.c -- ARGS",
        )
    if not directory.is_dir():
        raise TaskError("no such folder", where=str(directory), hint="loopwright init DIR")
    tree = read_tree(directory)
    found = _found(tree, directory)
    sources = found.sources or tuple(
        path for path in _compiled(tree) if not source_facts.has_main(tree[path])
    )
    sources = sources or tuple(_compiled(tree))
    build = found.build
    if not build.libs and build.command is None:
        build = replace(build, libs=source_facts.libraries(tree[path] for path in sources))
    if build.libs:
        found.guessed.append(f"libs = {', '.join(build.libs)}: from the headers that are included")
    editable = tuple(escaped(path) for path in sources)
    language = implied_language(build.sources, editable, tree)
    if build.command is None and build.standard is None and language is Language.CXX:
        build = replace(build, standard=source_facts.standard(tree[path] for path in sources))
        if build.standard:
            found.guessed.append(f"standard = {build.standard}: from what the sources include and use")
    case = _case(tree, found, sources, args)
    task = Task(
        name=plain_name(directory.resolve().name),
        tree=tree,
        editable=editable,
        build=build,
        cases=(case,),
        language=language,
    )
    found.guessed.append(f"editable: {', '.join(sources)}; the other files are protected")
    found.guessed.append(
        "output: every number on stdout, within a relative 1e-9; output files are not guessed"
    )
    found.check.append(
        'add a small case with use = "check"; look over the ranges in [[held-out]] and take the # away'
    )
    text = task_text(task, comments=_COMMENTS) + _proposed_ranges(task)
    try:
        task_of(TaskFile(directory / TASK_FILE, text, tomllib.loads(text)))
    except TaskError as error:
        found.check.append(f"the file needs your hand: {error.where}: {error.message}")
    return Inferred(text, tuple(found.seen), tuple(found.guessed), tuple(found.check))


def _proposed_ranges(task: Task) -> str:
    """A [[held-out]] around the timed case, commented out: its author knows which sizes are right."""
    lines = ["Sizes drawn from ranges at the end of a run: what was made for the known ones is found out."]
    lines += held_out_lines(task).splitlines()
    return "\n" + "".join(f"# {line}\n" for line in lines)


def _found(tree: Tree, directory: Path) -> FoundBuild:
    skipped: list[str] = []
    ways: tuple[tuple[str | None, Callable[[], FoundBuild | None]], ...] = (
        (makefile_in(tree), lambda: infer_makefile(tree)),
        ("CMakeLists.txt", lambda: infer_cmake(tree)),
        ("compile_commands.json", lambda: _from_compile_commands(tree, directory)),
    )
    for name, infer in ways:
        found = infer()
        if found is not None:
            found.check += skipped
            return found
        if name in tree:
            skipped.append(f"{name} is there, but the program it builds could not be made out")
    found = _from_sources(tree, directory)
    found.check += skipped
    return found


def _from_compile_commands(tree: Tree, directory: Path) -> FoundBuild | None:
    found = infer_compile_commands(tree, directory)
    if found is not None:
        _one_main(found, tree)
    return found


def _compiled(tree: Tree) -> list[str]:
    inside = source_facts.included_sources(tree)
    return [path for path in tree if source_facts.is_source(path) and path not in inside]


def _from_sources(tree: Tree, directory: Path) -> FoundBuild:
    sources = _compiled(tree)
    if not sources:
        raise TaskError(
            "no C or C++ source in this folder",
            where=str(directory),
            hint="loopwright init DIR, where DIR holds the program's sources",
        )
    if not any(source_facts.has_main(tree[path]) for path in sources):
        raise TaskError(
            f"no main function in {', '.join(sources[:6])}",
            where=str(directory),
            hint="for a single function write a task file with [kernel] by hand: its name, and one\n"
            "  [[kernel.argument]] for each parameter with name, role, dtype and shape or value",
        )
    found = FoundBuild(Build(sources=tuple(sources)), tuple(sources))
    _one_main(found, tree)
    include = source_facts.include_folders(found.sources, tree)
    found.build = replace(found.build, sources=found.sources, include=tuple(f for f in include if f != "."))
    if "." in include:
        found.build = replace(found.build, include=(*found.build.include, "."))
    found.seen.append(f"sources: {', '.join(found.sources)}")
    found.guessed.append("flags = -O2: nothing says how the program is built today")
    return found


def _one_main(found: FoundBuild, tree: Tree) -> None:
    """Keep one of several main functions: that of main.*, else the outermost, by name."""
    mains = [path for path in found.sources if source_facts.has_main(tree[path])]
    mains.sort(key=lambda path: (path.count("/"), path))
    if len(mains) < 2:
        return
    kept = next((path for path in mains if PurePosixPath(path).stem == "main"), mains[0])
    found.sources = tuple(path for path in found.sources if path == kept or path not in mains)
    found.build = replace(found.build, sources=found.sources)
    others = ", ".join(path for path in mains if path != kept)
    found.check.append(f"several files have a main function; {kept} was taken, not {others}")


def _case(tree: Tree, found: FoundBuild, sources: Iterable[str], args: Sequence[str]) -> Case:
    chosen = tuple(args) or found.args or ()
    used = any(source_facts.reads_arguments(tree[path]) for path in sources)
    if not chosen and used:
        found.check.append(
            "the program reads its arguments, and none are known: give them in args, "
            "or type loopwright init DIR --force -- ARGS"
        )
    if found.stdin is None and any(source_facts.reads_stdin(tree[path]) for path in sources):
        found.check.append('the program seems to read standard input: give stdin = "FILE" in the case')
    read = source_facts.opened(tree[path] for path in sources)
    return Case(
        name="full",
        use=Use.TIME,
        args=chosen,
        stdin=found.stdin,
        files=tuple(dict.fromkeys(name for name in (*chosen, *read) if name in tree)),
    )
