"""The Protocol of a profiler for GPUs, and what one run under it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from loopwright.core.device_profile import KernelTime, Transfer
from loopwright.profilers.profiler import ProfilingTool
from loopwright.system.execution import Command, Limits, Runner


@dataclass(frozen=True)
class Watched:
    """What a profiler saw of one execution, by falling time; `whole` when it saw every launch and copy."""

    kernels: tuple[KernelTime, ...]
    transfers: tuple[Transfer, ...] = ()
    whole: bool = True


class DeviceProfiler(ProfilingTool, Protocol):
    """Finds what a program does on a GPU.

    Contract: as :class:`loopwright.profilers.profiler.Profiler`. The tool runs inside the sandbox, before the
    program: it enters the program by its environment, which a sandbox clears. Its files stay in
    `command.cwd`.
    """

    def run(self, command: Command, limits: Limits, runner: Runner) -> Watched:
        """Run `command`, built for the GPU, once. Raises ProfileFailed when there is no usable result."""
        ...
