"""The profilers there are, in the order of preference, and how one profile is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loopwright.core.errors import UsageError
from loopwright.core.profile import Profile, Remark, Roofline
from loopwright.profilers.callgrind import Callgrind
from loopwright.profilers.device_profiler import DeviceProfiler
from loopwright.profilers.ncu import Ncu
from loopwright.profilers.nsys import Nsys
from loopwright.profilers.perf import Perf
from loopwright.profilers.profiler import Profiler
from loopwright.system.execution import Command, Limits, Runner

PROFILERS: tuple[Profiler, ...] = (Perf(), Callgrind())
"""Sampling first: it sees time and threads, and costs nothing. A new profiler is one line here."""

DEVICE_PROFILERS: tuple[DeviceProfiler, ...] = (Nsys(), Ncu())
"""Those for programs on a GPU. All that work are asked: the first for times, those after it for figures."""


@dataclass(frozen=True)
class Choice:
    """The profiler to use (None: none works here), and why each one before it does not."""

    profiler: Profiler | None
    problems: Mapping[str, str] = field(default_factory=dict)


def choose(name: str | None = None) -> Choice:
    """The first profiler that works on this machine: tried, not only found. `name` asks for one of them.

    Raises:
        UsageError: when `name` is none of `perf` and `callgrind`.
    """
    wanted = [p for p in PROFILERS if name is None or p.name == name]
    if not wanted:
        allowed = ", ".join(p.name for p in PROFILERS)
        raise UsageError(f"{name!r} is not a profiler", where="profiler", hint=f"allowed: {allowed}")
    problems: dict[str, str] = {}
    for profiler in wanted:
        problem = profiler.available()
        if not problem:
            return Choice(profiler, problems)
        problems[profiler.name] = problem
    return Choice(None, problems)


def take(
    profiler: Profiler,
    command: Command,
    limits: Limits,
    runner: Runner,
    *,
    sources: Path,
    scratch: Path,
    case: str = "",
    remarks: tuple[Remark, ...] = (),
    roofline: Roofline | None = None,
) -> Profile:
    """One profile of `command`, a program built with Purpose.PROFILE from files in `sources`.

    Raises:
        ProfileFailed: when the program failed, or ran too briefly to be seen.
    """
    samples, lines, elsewhere = profiler.run(command, limits, runner, sources=sources, scratch=scratch)
    return Profile(
        profiler.name, case, samples, lines, elsewhere, remarks, roofline, version=profiler.version
    )
