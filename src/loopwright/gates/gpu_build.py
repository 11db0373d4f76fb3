"""How a candidate is built for the GPU of this machine, where there is one: by nvcc or by clang."""

from __future__ import annotations

from dataclasses import replace

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Target
from loopwright.gates.gate import Context, OnDevice
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.device import Device
from loopwright.toolchains.devices import NO_GPU, gpu, gpu_architecture, tried, with_devices
from loopwright.toolchains.nvcc import find_nvcc, names_architecture
from loopwright.toolchains.toolchain import Purpose, Toolchain, Variant

TARGETS = frozenset({Target.CUDA, Target.OFFLOAD})
"""The targets whose programs run on a GPU."""


def gpu_toolchain(context: Context) -> tuple[Toolchain | None, str]:
    """(what builds programs of this run's target for the GPU here, "") or (None, why nothing does)."""
    if not gpu():
        return None, NO_GPU
    if context.variant.target is Target.CUDA:
        try:
            return find_nvcc(), ""
        except ToolMissing as error:
            return None, f"{error.message}; {error.hint}" if error.hint else error.message
    if not isinstance(context.toolchain, Clang):
        return None, f"{context.toolchain.name} is not asked to compile for a GPU"
    support = tried(context.toolchain, Device.NVPTX)
    if not support.ran:
        return None, f"{context.toolchain.name}: {support.problem}"
    return with_devices(context.toolchain, Device.NVPTX), ""


def gpu_variant(context: Context) -> Variant:
    """The flags of the run with line tables, for the GPU here; its programs are shown the GPU's files."""
    flags = (*context.variant.flags, *_architecture(context.variant))
    return replace(context.variant, flags=flags, purpose=Purpose.PROFILE, device=Device.NVPTX)


def on_gpu(context: Context) -> OnDevice | None:
    """How programs of this run's target are timed on the GPU here; None for other targets, and where there
    is no GPU that works.
    """
    if context.variant.target not in TARGETS:
        return None
    toolchain, _ = gpu_toolchain(context)
    if toolchain is None:
        return None
    return OnDevice(
        toolchain, Device.NVPTX, _architecture(replace(context.variant, flags=context.task.build.flags))
    )


def _architecture(variant: Variant) -> tuple[str, ...]:
    """The flag that names the GPU here, where nvcc needs one and `variant` has none."""
    named = variant.target is not Target.CUDA or names_architecture(variant.flags)
    return () if named else (f"-arch={gpu_architecture()}",)
