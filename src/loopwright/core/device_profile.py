"""Where the time of a program goes on a GPU: its kernels, what moved between the memories, what it ran on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loopwright.core.machine import DeviceFloors
from loopwright.core.timing import DeviceTimes


class Direction(StrEnum):
    """Between which memories a transfer goes."""

    TO_DEVICE = "to device"
    FROM_DEVICE = "from device"
    ON_DEVICE = "on device"
    BETWEEN_DEVICES = "between devices"
    SET = "set"
    """The device fills its memory with one value."""


@dataclass(frozen=True)
class KernelTime:
    """All launches of one kernel that were seen. Figures that were not taken are None.

    Attributes:
        total_ns: nanoseconds on the device, all launches together.
        registers: of one thread. occupancy, dram: shares (0 to 1) of the warps that could be active, and of
            the peak bandwidth of the device's memory; the mean over launches, weighted by their time.
    """

    name: str
    launches: int
    total_ns: float
    registers: int | None = None
    occupancy: float | None = None
    dram: float | None = None


@dataclass(frozen=True)
class Transfer:
    """All copies in one direction. `size_bytes` is as precise as the profiler prints it (nsys: kilobytes)."""

    direction: Direction
    count: int
    total_ns: float
    size_bytes: int


@dataclass(frozen=True)
class DeviceState:
    """A GPU at one moment. Figures that its driver does not tell are None.

    Attributes:
        clock_mhz, memory_clock_mhz: of its multiprocessors and of its memory. power_w: drawn.
    """

    name: str
    driver: str
    clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    power_w: float | None = None


@dataclass(frozen=True)
class DeviceProfile:
    """One case on a GPU.

    Attributes:
        profilers: with their versions, as in "nsys 2024.6.2".
        times: of an execution that nothing watched (its wall time), with the device's share as profiled.
        missing: why a profiler gave nothing, by its name.
        floors: what the device can do at most, as measured, to compare with.
    """

    profilers: tuple[str, ...]
    kernels: tuple[KernelTime, ...]
    transfers: tuple[Transfer, ...]
    times: DeviceTimes
    state: DeviceState | None = None
    missing: tuple[str, ...] = ()
    floors: DeviceFloors | None = None
