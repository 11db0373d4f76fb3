"""The files through which programs reach a GPU: device nodes, and what drivers read below /sys.

A sandbox has none of them. They are shown to programs that are built for a GPU, and to no others: a driver is
a larger door than a computation needs. Which files a driver opens is its own affair: those of NVIDIA are
called nvidia* (some versions want nvidia-uvm-tools, too), those of AMD kfd and the render nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HOST = Path("/")


class Gpu(StrEnum):
    """Whose driver it is."""

    NVIDIA = "nvidia"
    AMD = "amd"


_NODES = {
    Gpu.NVIDIA: ("dev/nvidia[0-9]*", "dev/nvidiactl", "dev/nvidia-uvm*", "dev/nvidia-caps/*", "dev/dxg"),
    Gpu.AMD: ("dev/kfd", "dev/dri/renderD*"),
}
_READ = {
    Gpu.NVIDIA: ("sys/bus/pci", "sys/devices", "sys/module/nvidia*"),
    Gpu.AMD: ("sys/bus/pci", "sys/devices", "sys/class/drm", "sys/class/kfd", "sys/module/amdgpu"),
}


@dataclass(frozen=True)
class GpuFiles:
    """What a program needs of one driver: `nodes` to be used, `readable` to be read."""

    nodes: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()


def gpu_files(gpu: Gpu, root: Path = HOST) -> GpuFiles:
    """The files of one driver that are below `root`; nothing at all when it has no device nodes there."""
    nodes = _found(root, _NODES[gpu])
    return GpuFiles(nodes, _found(root, _READ[gpu])) if nodes else GpuFiles()


def _found(root: Path, patterns: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(path for pattern in patterns for path in sorted(root.glob(pattern)))
