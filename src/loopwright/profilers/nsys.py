"""nsys (Nsight Systems): how long each kernel took, and what moved between host and device.

Read against outputs of 2024.5 and 2024.6 that others recorded (tests/profilers/fixtures/nsys-*).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from loopwright.core.device_profile import Direction, KernelTime, Transfer
from loopwright.profilers import nsight
from loopwright.profilers.device_profiler import Watched
from loopwright.profilers.profiler import ProfileFailed
from loopwright.system.execution import Command, Limits, Runner
from loopwright.toolchains.nvidia_tools import find_tool, tool_version

_REPORT = "loopwright-nsys"
_REPORTS = (
    ("cuda_gpu_kern_sum", "cuda_gpu_mem_time_sum", "cuda_gpu_mem_size_sum"),
    # Before 2023.1 they were called otherwise.
    ("gpukernsum", "gpumemtimesum", "gpumemsizesum"),
)
_TIME, _SIZE = "Total Time (ns)", "Total (MB)"
_MB = 1e6
"""A megabyte of nsys is decimal: it calls 64 MiB 67.109."""

_OPERATION = re.compile(r"mem(?P<kind>cpy|set)(?: (?P<source>\w+?)-?to-?(?P<target>\w+))?", re.IGNORECASE)
_DIRECTIONS = {
    ("h", "d"): Direction.TO_DEVICE,
    ("d", "h"): Direction.FROM_DEVICE,
    ("d", "d"): Direction.ON_DEVICE,
    ("p", "p"): Direction.BETWEEN_DEVICES,
}


@dataclass(frozen=True)
class Nsys:
    """`nsys profile --trace=cuda`, and the tables of `nsys stats`."""

    @property
    def name(self) -> str:
        """Always `nsys`."""
        return "nsys"

    @property
    def version(self) -> str:
        """As in `2024.6.2.225`; empty when there is no nsys."""
        return tool_version("nsys")

    @property
    def slowdown(self) -> float:
        """Tracing costs a few microseconds a launch."""
        return 2.0

    def available(self) -> str:
        """Empty when there are a GPU and nsys."""
        return nsight.problem("nsys")

    def run(self, command: Command, limits: Limits, runner: Runner) -> Watched:
        """See :class:`~loopwright.profilers.device_profiler.DeviceProfiler`."""
        program = str(find_tool("nsys"))
        profile = (program, "profile", "--trace=cuda", "--sample=none", "--cpuctxsw=none",
                   "--force-overwrite=true", f"--output={_REPORT}", *command.argv)  # fmt: skip
        nsight.run(profile, command, limits, runner)
        said = ""
        for reports in _REPORTS:
            stats = (program, "stats", "--force-export=true", "--format", "csv",
                     "--report", ",".join(reports), f"{_REPORT}.nsys-rep")  # fmt: skip
            try:
                done = nsight.run(stats, command, limits, runner)
            except ProfileFailed as failed:
                said = str(failed)
                continue
            watched = read(done.stdout.decode("utf-8", "replace"))
            if watched.kernels or watched.transfers:
                return watched
            said = "nothing ran on the GPU"
        raise ProfileFailed(said)


def read(text: str) -> Watched:
    """The tables of kernels and of memory operations in what `nsys stats --format csv` printed. Pure.

    Raises:
        ProfileFailed: when a table has another unit or locale than those that were recorded.
    """
    kernels: list[KernelTime] = []
    times: dict[Direction, tuple[int, float]] = {}
    sizes: dict[Direction, float] = {}
    for rows in nsight.tables(text, "Time (%)", _SIZE):
        for row in rows:
            if "Operation" in row:
                direction = _direction(row["Operation"])
                if direction is None:
                    continue
                if _SIZE in row:
                    sizes[direction] = sizes.get(direction, 0.0) + nsight.number(row[_SIZE])
                else:
                    count, total = times.get(direction, (0, 0.0))
                    times[direction] = (count + int(_cell(row, "Count")), total + _cell(row, _TIME))
            elif "Instances" in row and "Name" in row:
                kernels.append(KernelTime(row["Name"], int(_cell(row, "Instances")), _cell(row, _TIME)))
    transfers = [
        Transfer(direction, count, total, round(sizes.get(direction, 0.0) * _MB))
        for direction, (count, total) in times.items()
    ]
    return Watched(
        tuple(sorted(kernels, key=lambda kernel: -kernel.total_ns)),
        tuple(sorted(transfers, key=lambda transfer: -transfer.total_ns)),
    )


def _cell(row: Mapping[str, str], column: str) -> float:
    if column not in row:
        raise ProfileFailed(f"nsys printed no column {column!r}, but {', '.join(row)}")
    return nsight.number(row[column])


def _direction(operation: str) -> Direction | None:
    """That of "[CUDA memcpy Host-to-Device]", of "[CUDA memcpy HtoD]", as it was called up to 2023, or of
    "[CUDA memset]"; None for what is none of these.
    """
    match = _OPERATION.search(operation)
    if match is None:
        return None
    if match["kind"].lower() == "set":
        return Direction.SET
    if match["source"] is None:
        return None
    return _DIRECTIONS.get((match["source"][0].lower(), match["target"][0].lower()))
