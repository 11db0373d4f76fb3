"""hipcc: what the emulation runs is also HIP to AMD's compiler, and what its kernels need on a device."""

from __future__ import annotations

from loopwright.core.task import Target
from loopwright.gates.kernel_build import KernelBuildGate
from loopwright.toolchains.amdgpu import kernel_figures
from loopwright.toolchains.hipcc import find_hipcc
from loopwright.toolchains.toolchain import Toolchain


class HipccGate(KernelBuildGate):
    """A :class:`KernelBuildGate`; a pass tells registers, shared memory and scratch of each kernel."""

    name = "hipcc"
    targets = frozenset({Target.HIP})

    def compiler(self) -> Toolchain:
        """See :func:`loopwright.toolchains.hipcc.find_hipcc`."""
        return find_hipcc()

    def figures(self, log: str) -> str:
        """As the backend counted."""
        return "; ".join(str(kernel) for kernel in kernel_figures(log))
