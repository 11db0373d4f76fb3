"""What a Makefile builds and which of its variables reach the compiler, found by make's own dry runs."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Build
from loopwright.core.tree import Tree
from loopwright.system.direct import DirectRunner
from loopwright.system.execution import Command, Limits, Runner
from loopwright.system.sandbox import choose_runner
from loopwright.tasks.found_build import FoundBuild, one_word, run_of, sorted_flags, split_commands
from loopwright.tasks.source_facts import is_source

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
"""Names that make looks for, in its order."""

_COMPILER = re.compile(
    r"(.*/)?([a-z0-9_]+-)*(cc|gcc|g\+\+|c\+\+|clang|clang\+\+|icx|icpx|icc|mpicc|mpicxx|tcc)(-[0-9.]+)?"
)
_PROBES = {"CC": "lw-probe-cc", "CXX": "lw-probe-cxx"}
_FLAG_PROBE = "-Dlw_probe_flags"
_LINK_PROBE = "-Wl,lw_probe_link"
_EXE_PROBE = "lw_probe_executable"
_NO_PROGRAM = (".so", ".a", ".o", ".d")
_ENTERING = re.compile(r"make(?:\[\d+\])?: Entering directory '(.*)'$")
_LEAVING = re.compile(r"make(?:\[\d+\])?: Leaving directory '.*'$")
_RUN_TARGETS = ("run", "test", "check", "bench")
_TIMEOUT_S = 20.0


def makefile_in(tree: Tree) -> str | None:
    """The makefile that make would read in the folder of `tree`; one that CMake wrote does not count."""
    for name in MAKEFILES:
        if name in tree and b"CMAKE generated file" not in tree[name][:200]:
            return name
    return None


def infer_makefile(tree: Tree) -> FoundBuild | None:
    """How the makefile of `tree` builds its first program; None when that cannot be found out.

    make is run with -n in a copy of the tree: nothing is built, and nothing is written to the user's folder.
    """
    make = shutil.which("make")
    if make is None or makefile_in(tree) is None:
        return None
    with tempfile.TemporaryDirectory(prefix="loopwright-make-") as scratch:
        folder = Path(scratch)
        for path, content in tree.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return _Makefile(make, _runner(), folder, tree).infer()


def _runner() -> Runner:
    # The user's own makefile, dry: where bubblewrap is missing it may run as the user would run it.
    try:
        return choose_runner()
    except ToolMissing:
        return DirectRunner()


@dataclass(frozen=True)
class _Dry:
    """The commands of one dry run: those that compile, and those that link a program.

    Paths of sources and outputs are seen from the top folder; `nested` says that make called itself in
    another one.
    """

    commands: list[list[str]]
    compiles: list[list[str]]
    links: list[list[str]]
    nested: bool

    @property
    def link(self) -> list[str] | None:
        """The first command that links a program."""
        return next(iter(self.links), None)


@dataclass
class _Makefile:
    make: str
    runner: Runner
    folder: Path
    tree: Tree

    def infer(self) -> FoundBuild | None:
        goal, plain = "", self._dry()
        if plain.link is None:
            goal, plain = "all", self._dry("all")
        if plain.link is None:
            return None
        executable = _output_of(plain.link)
        sources = self._sources(plain)
        name = makefile_in(self.tree)
        found = FoundBuild(Build(command=""), sources)
        found.seen.append(f"{name} builds {executable} from {', '.join(sources) or 'unknown sources'}")
        if others := [_output_of(command) for command in plain.links[1:]]:
            found.check.append(f"{name} builds {', '.join(others)} as well; {executable} was taken")
        self._command(found, goal, executable, plain)
        self._run_target(found, executable)
        return found

    def _command(self, found: FoundBuild, goal: str, executable: str, plain: _Dry) -> None:
        probes = {**_PROBES, "CFLAGS": _FLAG_PROBE, "CXXFLAGS": _FLAG_PROBE, "LDFLAGS": _LINK_PROBE}
        probed = self._dry(goal, probes)
        compiles, link = probed.compiles, probed.link or []
        flags = sorted_flags([word for command in plain.compiles for word in command[1:]])
        settings = self._compilers(found, (*compiles, link))
        lost_libs = _lost(plain.link or [], link, ("-l", "-L", "-Wl,", "-pthread"))
        # Sub-makes run elsewhere: a relative -I has to reach the compiler as it is written.
        extra = [*([f"-std={flags.standard}"] if flags.standard else []), *flags.others]
        extra += [f"-I{folder}" for folder in flags.include] if plain.nested else []
        lost = [word for word in dict.fromkeys(extra) if not any(word in command for command in compiles)]
        if _LINK_PROBE not in link:
            lost += [word for word in lost_libs if word not in lost]
        names = {"CXXFLAGS" if c[0] == _PROBES["CXX"] else "CFLAGS" for c in compiles if _FLAG_PROBE in c}
        if not names:
            found.check.append("CFLAGS does not reach the compile commands: use $(CFLAGS) in the makefile")
        flag_word = one_word("{cflags}", lost)
        settings += [f"{variable}={flag_word}" for variable in sorted(names) or ["CFLAGS"]]
        if _LINK_PROBE in link:
            # Without CFLAGS on the link line the OpenMP runtime would be missing from it.
            first = "{ldflags}" if _FLAG_PROBE in link else "{cflags}' '{ldflags}"
            settings.append(f"LDFLAGS={one_word(first, lost_libs)}")
        elif _FLAG_PROBE not in link:
            found.check.append(
                "neither CFLAGS nor LDFLAGS reach the link command, which needs -fopenmp: use $(CFLAGS) there"
            )
        exe = self._executable_variable(goal, executable)
        if exe is not None:
            settings.append(f"{exe}={{exe}}")
        self._optimisation(found, flags.optimisation, compiles)
        found.build = replace(
            found.build,
            command=" ".join(["make", *([goal] if goal else []), *settings]),
            executable=None if exe is not None else executable,
            include=() if plain.nested else tuple(f for f in flags.include if self._kept(f)),
            defines=flags.defines,
            flags=flags.optimisation or ("-O2",),
        )

    def _compilers(self, found: FoundBuild, commands: Sequence[Sequence[str]]) -> list[str]:
        settings = [
            f"{variable}={placeholder}"
            for variable, placeholder in (("CC", "{cc}"), ("CXX", "{cxx}"))
            if any(_PROBES[variable] in command for command in commands)
        ]
        if not settings:
            found.check.append("the makefile names its compiler itself: use $(CC) or $(CXX) there")
        return settings or ["CC={cc}"]

    def _optimisation(self, found: FoundBuild, own: Sequence[str], compiles: Sequence[Sequence[str]]) -> None:
        found.guessed.append(
            f"flags = {' '.join(own)}: the optimisation in the makefile"
            if own
            else "flags = -O2: the makefile names no optimisation"
        )
        fixed = sorted_flags([word for command in compiles for word in command[1:]]).optimisation
        if fixed:
            found.check.append(
                f"the makefile gives {' '.join(fixed)} whatever CFLAGS says: move it into CFLAGS"
            )

    def _executable_variable(self, goal: str, executable: str) -> str | None:
        """The variable that names the executable, when setting it does rename it."""
        for variable, value in self._variables().items():
            if value == executable and "/" not in executable:
                link = self._dry(goal, {variable: _EXE_PROBE}).link
                if link is not None and _output_of(link) == _EXE_PROBE:
                    return variable
        return None

    def _run_target(self, found: FoundBuild, executable: str) -> None:
        for target in _RUN_TARGETS:
            run = run_of(self._dry(target).commands, executable)
            if run is None:
                continue
            found.args, found.stdin = run
            if found.stdin is not None and found.stdin not in self.tree:
                found.stdin = None
            found.seen.append(f"'make {target}' runs it with: {' '.join(run[0]) or 'no arguments'}")
            return

    def _variables(self) -> dict[str, str]:
        """Variables that the makefile itself sets, as make's database lists them."""
        printed = self._make("-n", "-p", "-q")
        pattern = r"^# makefile \(from '[^']*', line \d+\)\n([A-Za-z_][\w.-]*) :?:?= (.*)$"
        return {name: value.strip() for name, value in re.findall(pattern, printed, re.MULTILINE)
                if name not in ("MAKEFILE_LIST", ".DEFAULT_GOAL")}  # fmt: skip

    def _dry(self, goal: str = "", variables: Mapping[str, str] | None = None) -> _Dry:
        settings = [f"{name}={value}" for name, value in (variables or {}).items()]
        printed = self._make("-n", "-B", *([goal] if goal else []), *settings)
        commands: list[list[str]] = []
        nested = False
        for folder, text in _by_folder(printed, self.folder.resolve()):
            nested |= folder != "."
            commands += [_from_top(command, folder) for command in split_commands(text)]
        compiling = [c for c in commands if _is_compiler(c[0])]
        links = [c for c in compiling if "-c" not in c and not _output_of(c).endswith(_NO_PROGRAM)]
        compiles = [c for c in compiling if any(is_source(word) for word in c[1:])]
        return _Dry(commands, compiles, links, nested)

    def _make(self, *arguments: str) -> str:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(self.folder)}
        command = Command(argv=(self.make, *arguments), cwd=self.folder, env=environment)
        done = self.runner.run(command, Limits(wall_s=_TIMEOUT_S))
        return done.stdout.decode("utf-8", "replace")

    def _sources(self, dry: _Dry) -> tuple[str, ...]:
        """Sources that are compiled, those of the first program alone where objects tell them apart."""
        objects = set(dry.link or [])
        chosen = [c for c in dry.compiles if len(dry.links) < 2 or c is dry.link or _output_of(c) in objects]
        words = [word for command in chosen or dry.compiles for word in command[1:] if is_source(word)]
        return tuple(dict.fromkeys(word for word in words if word in self.tree))

    def _kept(self, folder: str) -> bool:
        return folder == "." or any(path.startswith(folder + "/") for path in self.tree)


def _is_compiler(word: str) -> bool:
    return word in _PROBES.values() or _COMPILER.fullmatch(word) is not None


def _output_of(command: Sequence[str]) -> str:
    """What a compiler command writes; without -o that is a.out, or the object named after its source."""
    for position, word in enumerate(command[:-1]):
        if word == "-o":
            return command[position + 1]
    if "-c" not in command:
        return "a.out"
    return next((PurePosixPath(w).with_suffix(".o").name for w in command if is_source(w)), "a.out")


def _lost(plain: Sequence[str], probed: Sequence[str], prefixes: tuple[str, ...]) -> list[str]:
    """Words of `plain` with these prefixes that setting the variables took away."""
    return [word for word in dict.fromkeys(plain[1:]) if word.startswith(prefixes) and word not in probed]


def _by_folder(printed: str, top: Path) -> list[tuple[str, str]]:
    """What make printed, in pieces: the folder, seen from `top`, in which the commands of a piece run."""
    folders = ["."]
    pieces: list[tuple[str, str]] = [(".", "")]
    for line in printed.splitlines(keepends=True):
        if entering := _ENTERING.match(line):
            folders.append(os.path.relpath(entering.group(1), top))
        elif _LEAVING.match(line):
            folders.pop()
        else:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + line)
            continue
        pieces.append(((folders or ["."])[-1], ""))
    return pieces


def _from_top(command: list[str], folder: str) -> list[str]:
    """`command`, run in `folder`, with the paths of its sources, objects and outputs seen from the top."""
    if not command or not _is_compiler(command[0]):
        return command
    shown = [command[0]]
    for before, word in pairwise(command):
        is_file = before == "-o" or not word.startswith("-")
        shown.append(posixpath.normpath(posixpath.join(folder, word)) if is_file else word)
    return shown
