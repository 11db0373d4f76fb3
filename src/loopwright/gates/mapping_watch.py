"""Running a program on the host device under the eyes of `offload_runtime/`, once for all gates that ask."""

from __future__ import annotations

import math
import re
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakKeyDictionary

from loopwright.core.task import Case, Use
from loopwright.core.tree import Tree
from loopwright.gates.findings import Place, locate
from loopwright.gates.gate import Context
from loopwright.gates.mapping_runtime import library, toolchain_for, variant_for
from loopwright.gates.reports_omptarget import Code, Trace, trace
from loopwright.harness.build import Builder
from loopwright.harness.execute import RunOptions
from loopwright.harness.types import BuildResult
from loopwright.system.execution import Command, Ending, Execution, Limits
from loopwright.toolchains import trials
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.toolchain import Variant

CASE_BUDGET_S = 60.0
_TRACE = "loopwright_trace.txt"
_LARGEST_BYTES = 64 << 20
_PROCESSES = 512
_PROGRAM = "program"
_NEAR_BYTES = 64
_SYMBOLS = Limits(wall_s=60.0, output_bytes=64 << 20)
_LINE = re.compile(r"^(?P<path>.+):(?P<line>\d+)(?: \(discriminator \d+\))?$")


@dataclass(frozen=True)
class Watched:
    """One watched run: what the runtime wrote, and where in the task each place of the code lies."""

    case: Case
    execution: Execution
    trace: Trace
    places: Mapping[Code, Place]

    @property
    def stderr(self) -> str:
        """What the program and libomptarget printed."""
        return self.execution.stderr.decode("utf-8", "replace")

    @property
    def in_time(self) -> bool:
        """Whether the run came to an end of its own."""
        return self.execution.ending is not Ending.WALL_LIMIT

    def place(self, code: Code | None) -> Place | None:
        """The line of the task at `code`; None for other people's code."""
        return self.places.get(code) if code is not None else None


@dataclass
class _Remembered:
    """Builds and runs that were made already, of one run's builder: the original's and the last candidate's,
    since a long run must not fill the disk.
    """

    builder: Builder
    runs: dict[tuple[str, str], Watched] = field(default_factory=dict)
    last: Tree | None = None

    def turn_to(self, tree: Tree, toolchain: Clang, variant: Variant) -> None:
        """Forget the candidate before `tree`, when this is another one."""
        if tree.digest == self.builder.task.tree.digest:
            return
        if self.last is not None and self.last.digest != tree.digest:
            self.builder.discard(self.last, toolchain, variant)
            self.runs = {key: run for key, run in self.runs.items() if key[0] != self.last.digest}
        self.last = tree


_known: WeakKeyDictionary[Builder, _Remembered] = WeakKeyDictionary()


def cases_of(context: Context) -> tuple[Case, ...]:
    """The cases that are watched: the check cases, without one the timed cases; the smallest first.

    What a case has to do is told by the numbers in it: small cases take the same time to start, and which of
    them was the quickest is chance. Between equals, and without numbers, that time decides.
    """
    cases = context.task.cases_for(Use.CHECK) or context.task.cases_for(Use.TIME)
    return tuple(sorted(cases, key=lambda case: (_size(case), context.limits(case).wall_s or 0.0)))


def _size(case: Case) -> float:
    """The product of the numbers that a case gives, of its arguments when it names none."""
    numbers = [float(value) for value in case.params.values()]
    if not numbers:
        numbers = [float(word) for word in case.args if word.isdecimal()]
    return math.prod(max(1.0, number) for number in numbers)


def built(tree: Tree, context: Context) -> BuildResult:
    """`tree` compiled to be watched.

    Raises:
        ToolMissing: without a clang that has a host device.
    """
    toolchain = toolchain_for(context)
    variant = variant_for(toolchain, context, library(toolchain))
    remembered = _remembered(context)
    remembered.turn_to(tree, toolchain, variant)
    return remembered.builder.build(tree, toolchain, variant)


def watch(tree: Tree, case: Case, context: Context) -> Watched:
    """Run `case` of `tree` once, watched, with one thread: what is then wrong is wrong with any number.

    Raises:
        ToolMissing: without a clang that has a host device. The build must have succeeded.
    """
    build = built(tree, context)
    known = _remembered(context).runs
    key = (tree.digest, case.name)
    if key not in known:
        known[key] = _watched(build, tree, case, context)
    return known[key]


def _remembered(context: Context) -> _Remembered:
    if context.builder not in _known:
        folder = library(toolchain_for(context)).parent
        scratch = context.builder.scratch / "offload"
        _known[context.builder] = _Remembered(
            Builder(context.task, context.builder.runner, scratch, readable=(folder,))
        )
    return _known[context.builder]


def _watched(build: BuildResult, tree: Tree, case: Case, context: Context) -> Watched:
    assert build.executable is not None
    runtime = library(toolchain_for(context))
    folder = context.cases.scratch / "box" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    limits = replace(
        context.limits(case), wall_s=CASE_BUDGET_S, cpu_s=None, address_space_bytes=None, processes=_PROCESSES
    )
    try:
        command = context.cases.command(build, case, folder, threads=1, options=RunOptions())
        watching = {"LOOPWRIGHT_TRACE": str(folder / _TRACE), "LD_PRELOAD": str(runtime)}
        execution = context.cases.runner.run(
            replace(
                command,
                env={**command.env, **watching},
                readable=(*command.readable, build.directory, runtime.parent),
            ),
            limits,
        )
        written = trace(_read(folder / _TRACE))
        places = _places(written, build.executable, folder, tree, context)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Watched(case, execution, written, places)


def _read(path: Path) -> str:
    """The text of a file in a folder where the program may have put anything."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
        return ""
    return path.read_text(errors="replace")


def _places(
    written: Trace, executable: Path, folder: Path, tree: Tree, context: Context
) -> dict[Code, Place]:
    """Where in the task the places of the code lie that `written` names."""
    asked: dict[str, set[Code]] = {}
    named: Iterable[Code | None] = (
        *(fault.code for fault in written.faults),
        *(fault.other for fault in written.faults),
        *(steps.code for steps in written.steps),
    )
    for code in named:
        if code is not None:
            asked.setdefault(code.module, set()).add(code)
    found: dict[Code, Place] = {}
    for module, codes in asked.items():
        # An image is a file that the runtime put into the working folder.
        binary = executable if module == _PROGRAM else folder / Path(module).name
        if binary.is_symlink() or not binary.is_file():
            continue
        ordered = sorted(codes, key=lambda code: code.offset)
        lines = _symbolized(binary, [code.offset for code in ordered], folder, context)
        for code, line in zip(ordered, lines, strict=False):
            match = _LINE.match(line)
            place = locate(match["path"], match["line"], tree) if match else None
            if place is not None:
                found[code] = place
        # What the compiler moved out of a loop has no line of its own; that of its neighbour is next best.
        known = [code for code in ordered if code in found]
        for code in ordered:
            near = min(known, key=lambda other: abs(other.offset - code.offset), default=None)
            if code not in found and near is not None and abs(near.offset - code.offset) <= _NEAR_BYTES:
                found[code] = found[near]
    return found


def _symbolized(binary: Path, offsets: list[int], folder: Path, context: Context) -> list[str]:
    """ "file:line" of each offset in `binary`; the symbolizer reads what nobody has vetted, so it runs as
    the program does.
    """
    tool = trials.symbolizer()
    if not tool:
        return []
    done = context.cases.runner.run(
        Command(
            argv=(tool, "-e", str(binary)),
            cwd=folder,
            env={"LC_ALL": "C"},
            stdin="".join(f"{offset:#x}\n" for offset in offsets).encode(),
            readable=(binary,),
        ),
        _SYMBOLS,
    )
    return done.stdout.decode("utf-8", "replace").splitlines() if done.ok else []
