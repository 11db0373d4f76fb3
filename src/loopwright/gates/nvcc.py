"""nvcc: what the emulation runs is also CUDA to NVIDIA's compiler, and what its kernels need on a device."""

from __future__ import annotations

import time

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Target
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.toolchains.nvcc import find_nvcc
from loopwright.toolchains.ptxas import kernel_figures


class NvccGate:
    """Compiles a candidate with nvcc; nothing is run. A pass tells registers, shared memory and spills of
    each kernel. A candidate fails when the original compiles and it does not.
    """

    name = "nvcc"
    stage = Stage.EVERY
    targets = frozenset({Target.CUDA})

    def available(self, context: Context) -> str:
        """Empty when nvcc is there and compiles a small program."""
        try:
            find_nvcc()
        except ToolMissing as error:
            return f"{error.message}; {error.hint}" if error.hint else error.message
        return ""

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Build `subject` with nvcc at the flags of the run."""
        started = time.monotonic()
        nvcc = find_nvcc()
        build = context.builder.build(subject.tree, nvcc, context.variant)
        try:
            wall_s = time.monotonic() - started
            if build.failure is None:
                figures = "; ".join(str(kernel) for kernel in kernel_figures(build.log))
                return GateResult(self.name, GateStatus.PASS, wall_s, reason=figures)
            original = context.builder.build(context.task.tree, nvcc, context.variant)
            if original.failure is not None:
                reason = f"the original does not build with {nvcc.name}: {original.failure.message}"
                return GateResult(self.name, GateStatus.NOT_AVAILABLE, wall_s, reason=reason)
            cause = build.failure
            failure = Failure(cause.mode, self.name, f"{nvcc.name}: {cause.message}", cause.evidence)
            return GateResult(self.name, GateStatus.FAIL, wall_s, failure)
        finally:
            for tree in (subject.tree, context.task.tree):
                context.builder.discard(tree, nvcc, context.variant)
