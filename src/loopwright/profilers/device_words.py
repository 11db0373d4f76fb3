"""What a program did on a GPU, in lines for people and models. Pure."""

from __future__ import annotations

from loopwright.core.device_profile import DeviceProfile, Direction, KernelTime, Transfer
from loopwright.core.machine import DeviceFloors

_MOST_KERNELS = 12


def device_lines(profile: DeviceProfile) -> list[str]:
    """The times, then the kernels and the transfers by falling time, then what is missing and why."""
    return [
        _head(profile),
        *(_kernel(kernel, _whole_ns(profile)) for kernel in profile.kernels[:_MOST_KERNELS]),
        *_rest(profile.kernels[_MOST_KERNELS:]),
        *(_transfer(transfer, profile.floors) for transfer in profile.transfers),
        *(f"not known from {why}" for why in profile.missing),
    ]


def _head(profile: DeviceProfile) -> str:
    times, state = profile.times, profile.state
    parts = [f"{_time(times.wall_s * 1e9)} of wall time"]
    for what, seconds in (
        ("kernels", times.kernel_s), ("transfers", times.transfer_s), ("host and waiting", times.host_s),
    ):  # fmt: skip
        if seconds is not None:
            parts.append(f"{what} {_time(seconds * 1e9)}")
    where = ""
    if state is not None:
        known = [
            f"{value:g} {unit}"
            for value, unit in ((state.clock_mhz, "MHz"), (state.power_w, "W"))
            if value is not None
        ]
        where = f" on {state.name}, driver {state.driver}{''.join(f', {k}' for k in known)}"
    return f"{', '.join(profile.profilers)}{where}: {', '.join(parts)}"


def _whole_ns(profile: DeviceProfile) -> float:
    return sum(kernel.total_ns for kernel in profile.kernels)


def _kernel(kernel: KernelTime, whole_ns: float) -> str:
    share = kernel.total_ns / whole_ns if whole_ns else 0.0
    known = []
    if kernel.registers is not None:
        known.append(f"{kernel.registers} registers")
    if kernel.occupancy is not None:
        known.append(f"occupancy {kernel.occupancy:.0%}")
    if kernel.dram is not None:
        known.append(f"{kernel.dram:.0%} of the device's memory bandwidth")
    times = f"{kernel.launches} x {_time(kernel.total_ns / max(kernel.launches, 1))}"
    return f"  {share:6.1%} of the kernels' time: {kernel.name}, {', '.join((times, *known))}"


def _rest(kernels: tuple[KernelTime, ...]) -> list[str]:
    if not kernels:
        return []
    return [f"  and {len(kernels)} other kernels, {_time(sum(k.total_ns for k in kernels))} together"]


def _transfer(transfer: Transfer, floors: DeviceFloors | None) -> str:
    moved = f"{transfer.size_bytes:,} bytes in {_time(transfer.total_ns)}"
    text = f"  {transfer.direction}: {transfer.count} x, {moved}"
    if transfer.total_ns <= 0 or transfer.size_bytes <= 0:
        return text
    rate = transfer.size_bytes / (transfer.total_ns / 1e9)
    most = _most(transfer.direction, floors)
    share = f", {rate / most:.0%} of what was measured" if most else ""
    return f"{text} ({rate / 1e9:.3g} GB/s{share})"


def _time(ns: float) -> str:
    """Nanoseconds in the unit that fits, three digits."""
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if ns >= factor:
            return f"{ns / factor:.3g} {unit}"
    return f"{ns:.3g} ns"


def _most(direction: Direction, floors: DeviceFloors | None) -> float:
    """Bytes per second that a copy in this direction was measured to reach; 0 when it was not."""
    if floors is None:
        return 0.0
    match direction:
        case Direction.TO_DEVICE:
            return floors.to_device_bytes_per_s
        case Direction.FROM_DEVICE:
            return floors.from_device_bytes_per_s
    return 0.0
