"""The Protocol of a profiler."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from loopwright.core.profile import HotLine
from loopwright.system.execution import Command, Limits, Runner


class ProfilingTool(Protocol):
    """What every profiler says of itself."""

    @property
    def name(self) -> str:
        """As on the command line of the tool: `perf`, `ncu`."""
        ...

    @property
    def version(self) -> str:
        """Version of the tool."""
        ...

    @property
    def slowdown(self) -> float:
        """About how many times longer a profiled run takes: widen limits on time by it."""
        ...

    def available(self) -> str:
        """Empty when it works on this machine, else the reason and how to get it."""
        ...


class Profiler(ProfilingTool, Protocol):
    """Finds where the time of one execution goes, by source line.

    Contract: `available` says "" when the profiler works here (tried, not only found), else why not. `run`
    executes `command` (whose program was built with Purpose.PROFILE) once through `runner`, keeps its own
    files under `scratch`, and returns raw counts; it raises ProfileFailed when there is no usable result.
    """

    def run(
        self, command: Command, limits: Limits, runner: Runner, *, sources: Path, scratch: Path
    ) -> tuple[int, tuple[HotLine, ...], float]:
        """(number of samples, lines inside `sources` with paths relative to it, share elsewhere)."""
        ...


class ProfileFailed(Exception):
    """The profiler ran and gave nothing usable; the text says why."""
