"""nvcc: what the emulation runs is also CUDA to NVIDIA's compiler, and what its kernels need on a device."""

from __future__ import annotations

from loopwright.core.task import Target
from loopwright.gates.kernel_build import KernelBuildGate
from loopwright.toolchains.nvcc import find_nvcc
from loopwright.toolchains.ptxas import kernel_figures
from loopwright.toolchains.toolchain import Toolchain


class NvccGate(KernelBuildGate):
    """A :class:`KernelBuildGate`; a pass tells registers, shared memory and spills of each kernel."""

    name = "nvcc"
    targets = frozenset({Target.CUDA})

    def compiler(self) -> Toolchain:
        """See :func:`loopwright.toolchains.nvcc.find_nvcc`."""
        return find_nvcc()

    def figures(self, log: str) -> str:
        """As ptxas counted."""
        return "; ".join(str(kernel) for kernel in kernel_figures(log))
