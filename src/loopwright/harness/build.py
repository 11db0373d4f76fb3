"""Building one tree of a task with one toolchain in one way."""

from __future__ import annotations

import hashlib
import re
import shlex
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from loopwright.core.modes import FailureMode
from loopwright.core.profile import Diagnostic, Remark, Severity
from loopwright.core.task import Language, Task
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure
from loopwright.harness.types import BuildResult
from loopwright.system.execution import Command, Ending, Execution, Limits, Runner
from loopwright.system.store import remove_tree, require_room
from loopwright.tasks.driver import write_driver
from loopwright.tasks.read import CXX_SUFFIXES
from loopwright.toolchains.device import Device
from loopwright.toolchains.toolchain import PreparesSources, Purpose, SetsEnvironment, Toolchain, Variant

EXECUTABLE = "loopwright_exe"
_KERNEL_SUFFIXES = {".cu": Language.CUDA, ".hip": Language.HIP}
_DRIVER_FOLDER = "loopwright_driver"
_SHOWN_ERRORS = 5
_REMARKS = ".remarks"


def materialise(tree: Tree, folder: Path) -> None:
    """Write every file of `tree` below `folder`."""
    for path, content in tree.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        if content.startswith(b"#!"):
            # A tree has no modes; a script that a Makefile starts needs one.
            target.chmod(0o755)


class Builder:
    """Builds trees of one task below `scratch`; a build that was done before is found again.

    Every build starts from a fresh folder with all files of the given tree, so nothing that an earlier
    candidate did to a protected file can survive. `readable` are files or folders of ours that the
    compiler may need beside the task.
    """

    def __init__(self, task: Task, runner: Runner, scratch: Path, readable: tuple[Path, ...] = ()) -> None:
        self.task = task
        self.runner = runner
        self.scratch = scratch
        self.readable = readable
        self._done: dict[str, BuildResult] = {}

    def build(self, tree: Tree, toolchain: Toolchain, variant: Variant) -> BuildResult:
        """Build `tree`. A failed build is a value with its failure; its folder is gone.

        Raises:
            DiskFull: when it failed and no build could do better.
        """
        key = _key(tree, toolchain, variant)
        if key not in self._done:
            self._done[key] = self._build(key, tree, toolchain, variant)
        return self._done[key]

    def discard(self, tree: Tree, toolchain: Toolchain, variant: Variant) -> None:
        """Remove a build from disk, if there is one, when it will not be needed again."""
        key = _key(tree, toolchain, variant)
        self._done.pop(key, None)
        remove_tree(self._folder(key))

    def _folder(self, key: str) -> Path:
        return self.scratch / "build" / key

    def _build(self, key: str, tree: Tree, toolchain: Toolchain, variant: Variant) -> BuildResult:
        folder = self._folder(key)
        remove_tree(folder)
        folder.mkdir(parents=True)
        materialise(_prepared(tree, toolchain), folder)
        started = time.monotonic()
        if self.task.build.command is not None:
            step = self._by_command(folder, toolchain, variant)
        else:
            step = self._by_sources(folder, toolchain, variant)
        executable = folder / (self.task.build.executable or EXECUTABLE)
        failure = step.failure
        if failure is None and not executable.is_file():
            failure = Failure(
                FailureMode.BUILD_NO_EXECUTABLE, "build", f"the build left no executable {executable.name}"
            )
        if failure is not None:
            # What this build itself has written is no excuse: it goes first.
            remove_tree(folder)
            require_room(self.scratch, Path(tempfile.gettempdir()))
        return BuildResult(
            directory=folder,
            executable=None if failure else executable,
            toolchain=toolchain,
            variant=variant,
            log=step.log,
            diagnostics=step.diagnostics,
            failure=failure,
            wall_s=time.monotonic() - started,
            commands=step.commands,
            remarks=_remarks(folder, toolchain),
        )

    def _by_command(self, folder: Path, toolchain: Toolchain, variant: Variant) -> _Step:
        spec = self.task.build
        cflags = [*toolchain.compile_flags(variant), *_preprocessor(self.task)]
        assert spec.command is not None
        command = spec.command
        for name, words in {
            "cc": [str(toolchain.compiler(Language.C))],
            "cxx": [str(toolchain.compiler(Language.CXX))] if "{cxx}" in command else [],
            "cflags": cflags,
            "ldflags": list(toolchain.link_flags(variant)),
            "exe": [str(folder / EXECUTABLE)],
        }.items():
            command = _filled(command, name, words)
        execution = self._run(toolchain, ("/bin/sh", "-c", command), folder)
        return _step(toolchain, (command,), (execution,), spec.timeout_s)

    def _by_sources(self, folder: Path, toolchain: Toolchain, variant: Variant) -> _Step:
        sources = list(self.task.build.sources)
        flags = [*toolchain.compile_flags(variant), *_preprocessor(self.task), *toolchain.diagnostic_flags]
        objects: list[str] = []
        commands: list[tuple[str, ...]] = []
        for number, source in enumerate(sources):
            language = _language_of(source, self.task.language)
            standard = self.task.build.standard
            std = [f"-std={standard}"] if standard and _standard_fits(standard, language) else []
            objects.append(f"loopwright_{number}.o")
            compiler = str(toolchain.compiler(language))
            remarks: tuple[str, ...] = ()
            if variant.purpose is Purpose.PROFILE:
                remarks = toolchain.remark_flags(folder / f"{objects[-1]}{_REMARKS}")
            own = toolchain.source_flags(source) if isinstance(toolchain, PreparesSources) else ()
            commands.append(
                (compiler, *flags, *remarks, *std, *own, "-c", _operand(source), "-o", objects[-1])
            )
        with ThreadPoolExecutor(2) as pool:
            executions = list(pool.map(lambda argv: self._run(toolchain, argv, folder), commands))
        step = _step(toolchain, [shlex.join(c) for c in commands], executions, self.task.build.timeout_s)
        if step.failure is not None:
            return step
        readable: tuple[Path, ...] = ()
        if self.task.kernel is not None:
            driver = self._driver(toolchain, variant)
            if driver.failure is not None:
                return driver
            readable = (driver.folder,)
            objects += [str(path) for path in sorted(driver.folder.glob("*.o"))]
        languages = {_language_of(s, self.task.language) for s in sources}
        linker = toolchain.compiler(
            next(
                (each for each in (Language.CUDA, Language.HIP, Language.CXX) if each in languages),
                Language.C,
            )
        )
        libs = [f"-l{lib}" for lib in self.task.build.libs]
        link = (str(linker), *toolchain.compile_flags(variant), *objects, "-o", EXECUTABLE,
                *toolchain.link_flags(variant), *libs, "-lm")  # fmt: skip
        linked = self._run(toolchain, link, folder, readable)
        return _step(
            toolchain,
            (*step.commands, shlex.join(link)),
            (*executions, linked),
            self.task.build.timeout_s,
        )

    def _driver(self, toolchain: Toolchain, variant: Variant) -> _Step:
        """Objects of the kernel driver, compiled once, and against the original headers only.

        No device is compiled for: target regions are the kernel's, and what the driver does with processors
        and memory is nothing that a GPU has.
        """
        texts = write_driver(self.task)
        variant = replace(variant, device=Device.FALLBACK)
        flags = [*toolchain.compile_flags(variant), *_preprocessor(self.task)]
        state = hashlib.sha256(repr((texts, toolchain.name, flags, self.task.tree.digest)).encode())
        folder = self.scratch / _DRIVER_FOLDER / state.hexdigest()[:16]
        done = folder / "done"
        if done.exists():
            return _Step(folder=folder)
        remove_tree(folder)
        folder.mkdir(parents=True)
        tree = Tree({**self.task.tree, **{name: text.encode() for name, text in texts.items()}})
        materialise(_prepared(tree, toolchain), folder)
        commands: list[tuple[str, ...]] = []
        for name in texts:
            if name.endswith(".h"):
                continue
            language = _language_of(name, Language.C)
            own: tuple[str, ...] = ()
            if language is Language.CUDA and isinstance(toolchain, PreparesSources):
                own = toolchain.source_flags(name)
            commands.append((str(toolchain.compiler(language)), *flags, *own, "-c", name, "-o", f"{name}.o"))
        if self.task.kernel is not None:
            for source in _generator_sources(self.task):
                compiler = toolchain.compiler(_language_of(source, Language.C))
                name = f"{PurePosixPath(source).name}.generator.o"
                commands.append((str(compiler), *flags, "-c", _operand(source), "-o", name))
        with ThreadPoolExecutor(2) as pool:
            executions = list(pool.map(lambda argv: self._run(toolchain, argv, folder), commands))
        step = _step(
            toolchain, [shlex.join(c) for c in commands], executions, self.task.build.timeout_s, folder
        )
        if step.failure is None:
            done.touch()
        return step

    def _run(
        self, toolchain: Toolchain, argv: tuple[str, ...], folder: Path, readable: tuple[Path, ...] = ()
    ) -> Execution:
        limits = Limits(wall_s=self.task.build.timeout_s, memory_bytes=None, processes=512)
        env = toolchain.build_environment if isinstance(toolchain, SetsEnvironment) else {}
        return self.runner.run(Command(argv, folder, env, readable=(*self.readable, *readable)), limits)


@dataclass(frozen=True)
class _Step:
    """The outcome of some build commands."""

    commands: tuple[str, ...] = ()
    log: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    failure: Failure | None = None
    folder: Path = Path()


def _prepared(tree: Tree, toolchain: Toolchain) -> Tree:
    """The files that `toolchain` compiles when it is given `tree`."""
    return toolchain.prepared(tree) if isinstance(toolchain, PreparesSources) else tree


def _key(tree: Tree, toolchain: Toolchain, variant: Variant) -> str:
    return hashlib.sha256(f"{tree.digest} {toolchain.name} {variant!r}".encode()).hexdigest()[:16]


def _step(
    toolchain: Toolchain,
    commands: tuple[str, ...] | list[str],
    executions: tuple[Execution, ...] | list[Execution],
    timeout_s: float,
    folder: Path = Path(),
) -> _Step:
    log: list[str] = []
    diagnostics: list[Diagnostic] = []
    failure: Failure | None = None
    for command, execution in zip(commands, executions, strict=True):
        printed = (execution.stdout + execution.stderr).decode("utf-8", "replace")
        found = toolchain.parse_diagnostics(printed)
        diagnostics += found
        log.append(f"$ {command}\n{printed}")
        if failure is None and not execution.ok:
            failure = _build_failure(execution, found, printed, timeout_s)
    return _Step(tuple(commands), "\n".join(log), tuple(diagnostics), failure, folder)


def _remarks(folder: Path, toolchain: Toolchain) -> tuple[Remark, ...]:
    found: list[Remark] = []
    for path in sorted(folder.glob(f"*{_REMARKS}")):
        found += toolchain.parse_remarks(path.read_bytes())
    return tuple(found)


def _build_failure(
    execution: Execution, diagnostics: tuple[Diagnostic, ...], printed: str, timeout_s: float
) -> Failure:
    if execution.ending is Ending.WALL_LIMIT:
        message = f"the build took longer than {timeout_s:g} s (build.timeout_s)"
        return Failure(FailureMode.BUILD_TIMEOUT, "build", message)
    if execution.ending is Ending.OUTPUT_LIMIT:
        message = f"the build {execution.message}: a quieter one (make -s) shows what is wrong"
        return Failure(FailureMode.BUILD_ERROR, "build", message)
    errors = [d for d in diagnostics if d.severity is Severity.ERROR]
    shown = [f"{d.file}:{d.line}: {d.message}" if d.file else d.message for d in errors[:_SHOWN_ERRORS]]
    tail = printed.strip().splitlines()[-1:] or [execution.message or f"status {execution.exit_code}"]
    return Failure(
        FailureMode.BUILD_ERROR,
        "build",
        shown[0] if shown else tail[0],
        {"errors": "\n".join(shown)} if shown else {"log": printed[-2000:]},
    )


def _preprocessor(task: Task) -> list[str]:
    return [f"-I{path}" for path in task.build.include] + [f"-D{name}" for name in task.build.defines]


def _operand(source: str) -> str:
    """A file whose name begins with a dash is not an option."""
    return f"./{source}" if source.startswith("-") else source


def _generator_sources(task: Task) -> list[str]:
    if task.kernel is None:
        return []
    found = {
        str(argument.init.options["source"])
        for argument in task.kernel.arguments
        if argument.init.kind == "generator" and "source" in argument.init.options
    }
    return sorted(found - set(task.build.sources))


def _language_of(source: str, default: Language) -> Language:
    suffix = PurePosixPath(source).suffix
    if suffix in CXX_SUFFIXES:
        return Language.CXX
    return _KERNEL_SUFFIXES.get(suffix) or (Language.C if suffix == ".c" else default)


def _standard_fits(standard: str, language: Language) -> bool:
    return ("++" in standard) == (language is not Language.C)


def _filled(command: str, name: str, words: Sequence[str]) -> str:
    """`command` with {name} replaced: as words of their own where it stands alone, as one word inside
    another, as in CFLAGS={cflags}.
    """
    alone = re.compile(r"(?<!\S)\{" + name + r"\}(?!\S)")
    command = alone.sub(lambda _: shlex.join(words), command)
    return command.replace("{" + name + "}", shlex.quote(" ".join(words)) if words else "")
