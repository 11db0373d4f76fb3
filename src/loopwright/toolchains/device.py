"""Devices for the target `offload`: what code for target regions is compiled for. Data only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from loopwright.core.errors import ToolMissing
from loopwright.toolchains.install import install_line


class Device(StrEnum):
    """Where target regions run."""

    FALLBACK = "fallback"
    """On the host, in the host's own memory: no mapping is tested. Sanitizers know no other way."""
    HOST = "host"
    """On the processors of this machine, with a memory of their own beside the program's: a wrong mapping
    gives a wrong result, as on a GPU. Its speed says nothing about that of a GPU."""
    NVPTX = "nvptx"
    """On an NVIDIA GPU."""


@dataclass(frozen=True)
class DeviceSupport:
    """What a toolchain can do for one device on this machine, as it was tried.

    Attributes:
        compile_flags: beyond those of OpenMP. environment: for built programs, as a library path.
        compiled: a small program with target regions compiled for it. ran: its regions ran on the device.
        problem: what kept it from that, in words; "" when it ran.
        install: key of :func:`~loopwright.toolchains.install.install_line` for what is missing, or "".
        architecture: of a GPU, as in "sm_80".
    """

    device: Device
    compile_flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    compiled: bool = False
    ran: bool = False
    problem: str = ""
    install: str = ""
    architecture: str = ""


def support_for(devices: Iterable[DeviceSupport], device: Device, toolchain: str) -> DeviceSupport:
    """What is known about `device`. Raises ToolMissing when the toolchain cannot compile for it."""
    if device is Device.FALLBACK:
        return DeviceSupport(device)
    found = next((support for support in devices if support.device is device), None)
    if found is not None and found.compiled:
        return found
    why = found.problem if found is not None else "it was not tried"
    raise ToolMissing(
        f"{toolchain} does not compile target regions for the device '{device}': {why}",
        hint=f"to get it: {install_line(found.install)}" if found is not None and found.install else "",
    )
