"""ncu (Nsight Compute): registers, occupancy and memory throughput of kernels, from hardware counters.

Read against two outputs that others recorded, one of CUDA 10.2 (tests/profilers/fixtures/ncu-*). Each kernel
is run several times over for its counters, so that only the first launches are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loopwright.core.device_profile import KernelTime
from loopwright.profilers import nsight
from loopwright.profilers.device_profiler import Watched
from loopwright.profilers.profiler import ProfileFailed
from loopwright.system.execution import Command, Limits, Runner
from loopwright.toolchains.nvidia_tools import find_tool, tool_version

_MOST_LAUNCHES = 40
_SECTIONS = ("SpeedOfLight", "LaunchStats", "Occupancy")
_DURATION, _REGISTERS, _OCCUPANCY = "Duration", "Registers Per Thread", "Achieved Occupancy"
_DRAM = ("DRAM Throughput", "SOL FB")
"""What it is called now, and was called in 2020."""

_NS = {"ns": 1.0, "nsecond": 1.0}
"""The base unit of time, as it is called now and was called in 2020; others are not asked for."""


@dataclass(frozen=True)
class Ncu:
    """`ncu --csv --page details`."""

    @property
    def name(self) -> str:
        """Always `ncu`."""
        return "ncu"

    @property
    def version(self) -> str:
        """Of the tool; empty when there is no ncu."""
        return tool_version("ncu")

    @property
    def slowdown(self) -> float:
        """Each kernel that is looked at runs several times, and what it writes is saved and restored."""
        return 20.0

    def available(self) -> str:
        """Empty when there are a GPU and ncu; whether counters may be read shows when it runs."""
        return nsight.problem("ncu")

    def run(self, command: Command, limits: Limits, runner: Runner) -> Watched:
        """See :class:`~loopwright.profilers.device_profiler.DeviceProfiler`: the first launches alone."""
        sections = [word for section in _SECTIONS for word in ("--section", section)]
        argv = (str(find_tool("ncu")), "--csv", "--page", "details", *sections, "--print-units", "base",
                "--launch-count", str(_MOST_LAUNCHES), *command.argv)  # fmt: skip
        done = nsight.run(argv, command, limits, runner)
        kernels = read(done.stdout.decode("utf-8", "replace"))
        if not kernels:
            raise ProfileFailed("ncu looked at no kernel")
        return Watched(kernels, whole=False)


def read(text: str) -> tuple[KernelTime, ...]:
    """The kernels in what `ncu --csv --page details` printed, by falling time of the launches seen. Pure.

    Raises:
        ProfileFailed: when a figure has another unit or locale than those that were recorded.
    """
    launches: dict[tuple[str, str, str], dict[str, float]] = {}
    for rows in nsight.tables(text, "ID"):
        for row in rows:
            if "Kernel Name" in row and row.get("Metric Name"):
                key = (row.get("Process ID", ""), row["ID"], row["Kernel Name"])
                _take(launches.setdefault(key, {}), row)
    by_name: dict[str, list[Mapping[str, float]]] = {}
    for (_, _, name), figures in launches.items():
        by_name.setdefault(name, []).append(figures)
    kernels = [_kernel(name, seen) for name, seen in by_name.items()]
    return tuple(sorted(kernels, key=lambda kernel: -kernel.total_ns))


def _take(figures: dict[str, float], row: Mapping[str, str]) -> None:
    metric, unit, value = row["Metric Name"], row.get("Metric Unit", ""), row.get("Metric Value", "")
    if metric == _DURATION:
        if unit not in _NS:
            raise ProfileFailed(f"ncu printed a duration in {unit!r}")
        figures[_DURATION] = nsight.number(value) * _NS[unit]
    elif metric == _REGISTERS or (metric == _OCCUPANCY and unit == "%"):
        figures[metric] = nsight.number(value)
    elif metric in _DRAM and unit == "%":
        figures[_DRAM[0]] = nsight.number(value)


def _kernel(name: str, launches: list[Mapping[str, float]]) -> KernelTime:
    registers = [figures[_REGISTERS] for figures in launches if _REGISTERS in figures]
    return KernelTime(
        name,
        len(launches),
        sum(figures.get(_DURATION, 0.0) for figures in launches),
        registers=int(max(registers)) if registers else None,
        occupancy=_mean(launches, _OCCUPANCY),
        dram=_mean(launches, _DRAM[0]),
    )


def _mean(launches: Iterable[Mapping[str, float]], figure: str) -> float | None:
    """The share that `figure` is on average over the launches, each as long as it took; None without any."""
    known = [(f[figure] / 100, f.get(_DURATION, 0.0)) for f in launches if figure in f]
    whole = sum(weight for _, weight in known)
    if not known or whole == 0:
        return None
    return sum(share * weight for share, weight in known) / whole
