"""An instrument: one tool that looks for one kind of fault while a program runs."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case
from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding
from loopwright.gates.gate import Context
from loopwright.harness.execute import CaseRunner, RunOptions
from loopwright.harness.types import BuildResult
from loopwright.system.execution import Ending, Execution, Limits
from loopwright.system.machine import this_machine
from loopwright.toolchains.toolchain import Toolchain, Variant

_MEMORY_SHARE = 0.8
_PROCESSES = 512


@dataclass(frozen=True)
class Setting:
    """What one run is made with."""

    threads: int
    environment: Mapping[str, str]

    def __str__(self) -> str:
        extra = "".join(f", {name}={value}" for name, value in self.environment.items())
        return f"{self.threads} thread{'s' if self.threads != 1 else ''}{extra}"


@dataclass(frozen=True)
class Observation:
    """One run under an instrument.

    Attributes:
        findings: the faults. explained: what the tool reported and is no fault of the program.
        reported: the tool's own exit status says that it found something, whatever became of its report.
    """

    execution: Execution
    findings: tuple[Finding, ...]
    explained: tuple[Finding, ...]
    reported: bool

    @property
    def in_time(self) -> bool:
        """Whether the run came to an end of its own."""
        return self.execution.ending is not Ending.WALL_LIMIT


class Instrument(Protocol):
    """How one tool is used.

    Contract: everything here is pure but `missing`, which may look for programs; builds and runs are made
    by `observe`, in the same way for controls, for the original and for candidates.
    """

    @property
    def name(self) -> str:
        """The gate's name."""
        ...

    @property
    def mode(self) -> FailureMode:
        """What a candidate with a finding fails with."""
        ...

    @property
    def exit_status(self) -> int | None:
        """With which the tool ends a program that had a finding; None when its report is all there is."""
        ...

    @property
    def smallest_only(self) -> bool:
        """Whether only the quickest case is run, because the tool is slow."""
        ...

    @property
    def ends_program(self) -> bool:
        """Whether a finding ends the program, so that what comes after it is not looked at."""
        ...

    def toolchains(self, context: Context) -> tuple[tuple[Toolchain, ...], str]:
        """Toolchains that could serve, best first; when there is none, why, with what to install."""
        ...

    def missing(self) -> str:
        """What else is missing on this machine; empty when nothing is."""
        ...

    def identification(self) -> str:
        """Version of what it uses beside the toolchain: with another one, the control is tried again."""
        ...

    def variant(self, toolchain: Toolchain, context: Context) -> Variant:
        """How programs are built for it."""
        ...

    def settings(self, openmp: bool) -> tuple[Setting, ...]:
        """The runs that are made of each case."""
        ...

    def environment(self, toolchain: Toolchain) -> Mapping[str, str]:
        """The tool's own environment; wins over that of the case."""
        ...

    def prefix(self, build: BuildResult) -> tuple[str, ...]:
        """Program and arguments put before the program's own."""
        ...

    def files(self) -> tuple[Path, ...]:
        """Files of ours that the tool reads while the program runs."""
        ...

    def parse(self, report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
        """The findings in what was printed on stderr, those that are no fault of the program marked so."""
        ...


def observe(
    instrument: Instrument,
    cases: CaseRunner,
    tree: Tree,
    build: BuildResult,
    case: Case,
    setting: Setting,
    wall_s: float,
) -> Observation:
    """Run `case` of `build` (made of `tree`) once, for at most `wall_s` seconds."""
    folder = cases.scratch / "box" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    machine_bytes = int(this_machine().memory_bytes * _MEMORY_SHARE)
    limits = Limits(
        wall_s=max(wall_s, 1.0),
        memory_bytes=machine_bytes or None,
        address_space_bytes=None,
        processes=_PROCESSES,
    )
    try:
        command = cases.command(build, case, folder, threads=setting.threads, options=RunOptions())
        execution = cases.runner.run(
            replace(
                command,
                argv=(*instrument.prefix(build), *command.argv),
                env={**command.env, **setting.environment, **instrument.environment(build.toolchain)},
                readable=(*command.readable, build.directory, *instrument.files()),
            ),
            limits,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report = execution.stderr.decode("utf-8", "replace")
    found = instrument.parse(report, tree, str(build.directory))
    faults = tuple(finding for finding in found if not finding.explained)
    explained = tuple(finding for finding in found if finding.explained)
    reported = instrument.exit_status is not None and execution.exit_code == instrument.exit_status
    return Observation(execution, faults, explained, reported)


@dataclass(frozen=True)
class Deadline:
    """A moment, on the monotonic clock."""

    at_s: float

    @staticmethod
    def after(seconds: float) -> Deadline:
        """The moment `seconds` from now."""
        return Deadline(time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        """Seconds until then; negative once it is over."""
        return self.at_s - time.monotonic()
