"""What a Makefile builds and which of its variables reach the compiler, found by make's own dry runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from loopwright.core.task import Build
from loopwright.core.tree import Tree
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
        return _Makefile(make, folder, tree).infer()


@dataclass(frozen=True)
class _Dry:
    """The commands of one dry run: those that compile, and the one that links."""

    commands: list[list[str]]
    compiles: list[list[str]]
    link: list[str] | None


@dataclass
class _Makefile:
    make: str
    folder: Path
    tree: Tree

    def infer(self) -> FoundBuild | None:
        goal, plain = "", self._dry()
        for other in ("all",):
            if plain.link is None:
                goal, plain = other, self._dry(other)
        if plain.link is None:
            return None
        executable = _output_of(plain.link)
        assert executable is not None
        sources = self._sources(plain.compiles)
        name = makefile_in(self.tree)
        found = FoundBuild(Build(command=""), sources)
        found.seen.append(f"{name} builds {executable} from {', '.join(sources) or 'unknown sources'}")
        self._command(found, goal, executable, plain)
        self._run_target(found, executable)
        return found

    def _command(self, found: FoundBuild, goal: str, executable: str, plain: _Dry) -> None:
        probes = {**_PROBES, "CFLAGS": _FLAG_PROBE, "CXXFLAGS": _FLAG_PROBE, "LDFLAGS": _LINK_PROBE}
        probed = self._dry(goal, probes)
        words = ["make", *([goal] if goal else [])]
        compiles, link = probed.compiles, probed.link or []
        for variable, placeholder in (("CC", "{cc}"), ("CXX", "{cxx}")):
            if any(_PROBES[variable] in command for command in (*compiles, link)):
                words.append(f"{variable}={placeholder}")
        if len(words) == 1 + bool(goal):
            found.check.append(
                "the Makefile names its compiler without $(CC) or $(CXX): use the variable there"
            )
            words.append("CC={cc}")
        flags = sorted_flags([word for command in plain.compiles for word in command[1:]])
        linked = sorted_flags(plain.link[1:] if plain.link else [])
        extra = [*([f"-std={flags.standard}"] if flags.standard else []), *flags.others]
        lost = [word for word in extra if not any(word in command for command in compiles)]
        languages = {"CXXFLAGS" if c[0] == _PROBES["CXX"] else "CFLAGS" for c in compiles if _FLAG_PROBE in c}
        flag_word = one_word("{cflags}", dict.fromkeys(lost))
        words += [f"{variable}={flag_word}" for variable in sorted(languages) or ["CFLAGS"]]
        if not languages:
            found.check.append("CFLAGS does not reach the compile commands: use $(CFLAGS) in the Makefile")
        words += self._link_flags(found, plain, probed, linked.libs)
        include = tuple(folder for folder in flags.include if self._kept(folder))
        exe = self._executable_variable(goal, executable)
        if exe is not None:
            words.append(f"{exe}={{exe}}")
        own = " ".join(flags.optimisation)
        found.guessed.append(
            f"flags = {own}: the optimisation in the makefile"
            if own
            else "flags = -O2: the makefile names no optimisation"
        )
        found.build = replace(
            found.build,
            command=" ".join(words),
            executable=None if exe is not None else str(PurePosixPath(executable)),
            include=include,
            defines=flags.defines,
            flags=flags.optimisation or ("-O2",),
        )

    def _link_flags(self, found: FoundBuild, plain: _Dry, probed: _Dry, libs: Sequence[str]) -> list[str]:
        link = probed.link or []
        if _LINK_PROBE not in link:
            if _FLAG_PROBE not in link:
                found.check.append(
                    "neither CFLAGS nor LDFLAGS reach the link command: -fopenmp is needed there; "
                    "use $(CFLAGS) in the Makefile's link command"
                )
            return []
        lost = [word for word in (plain.link or [])[1:] if word.startswith(("-l", "-L", "-Wl,", "-pthread"))
                and word not in link]  # fmt: skip
        # Without CFLAGS on the link line the OpenMP runtime would be missing from it.
        first = "{ldflags}" if _FLAG_PROBE in link else "{cflags}' '{ldflags}"
        return [f"LDFLAGS={one_word(first, lost)}"]

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
        commands = split_commands(self._make("-n", "-B", *([goal] if goal else []), *settings))
        compiling = [c for c in commands if _is_compiler(c[0])]
        links = [c for c in compiling if "-c" not in c and _output_of(c) is not None]
        link = next((c for c in links if not (_output_of(c) or "").endswith((".so", ".a", ".o"))), None)
        compiles = [c for c in compiling if any(is_source(word) for word in c[1:])]
        return _Dry(commands, compiles, link)

    def _make(self, *arguments: str) -> str:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(self.folder)}
        try:
            done = subprocess.run(
                (self.make, *arguments),
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.decode("utf-8", "replace")

    def _sources(self, compiles: Sequence[Sequence[str]]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for command in compiles:
            for word in command[1:]:
                path = str(PurePosixPath(word))
                if not is_source(path):
                    continue
                # A makefile called in a subfolder prints its paths from there.
                ends = [p for p in self.tree if p == path or p.endswith("/" + path)]
                if path in self.tree or len(ends) == 1:
                    found[path if path in self.tree else ends[0]] = None
        return tuple(found)

    def _kept(self, folder: str) -> bool:
        return folder == "." or any(path.startswith(folder + "/") for path in self.tree)


def _is_compiler(word: str) -> bool:
    return word in _PROBES.values() or _COMPILER.fullmatch(word) is not None


def _output_of(command: Sequence[str]) -> str | None:
    for position, word in enumerate(command[:-1]):
        if word == "-o":
            return command[position + 1]
    return None
