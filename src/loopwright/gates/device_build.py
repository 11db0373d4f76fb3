"""Device build: what was verified on a host device also compiles for a GPU, with the same compiler.

Nothing runs: a machine without a GPU can still say that the code for one exists.
"""

from __future__ import annotations

import time
from dataclasses import replace

from loopwright.core.task import Target
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.device import Device
from loopwright.toolchains.devices import tried, with_devices


class DeviceBuildGate:
    """Compiles the target regions of the winner for an NVIDIA GPU. Only for the target `offload`."""

    name = "gpu-build"
    stage = Stage.FINAL
    targets = frozenset({Target.OFFLOAD})

    def available(self, context: Context) -> str:
        """Empty when the run's compiler makes code for a GPU here: a small program is compiled to see."""
        if not isinstance(context.toolchain, Clang):
            return f"{context.toolchain.name} is not asked to compile for a GPU"
        support = tried(context.toolchain, Device.NVPTX)
        return "" if support.compiled else f"{context.toolchain.name}: {support.problem}"

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Build the candidate for the GPU, and compare with what the original does."""
        started = time.monotonic()
        toolchain = with_devices(context.toolchain, Device.HOST, Device.NVPTX)
        variant = replace(context.variant, device=Device.NVPTX)
        try:
            build = context.builder.build(subject.tree, toolchain, variant)
            wall_s = time.monotonic() - started
            if build.failure is None:
                assert isinstance(toolchain, Clang)
                architecture = next(s.architecture for s in toolchain.devices if s.device is Device.NVPTX)
                words = f"compiled for {architecture}; not run"
                return GateResult(self.name, GateStatus.PASS, wall_s, reason=words)
            original = context.builder.build(context.task.tree, toolchain, variant)
            if original.failure is not None:
                words = f"the original does not build for it either: {original.failure.message}"
                return GateResult(self.name, GateStatus.NOT_AVAILABLE, wall_s, reason=words)
            failure = replace(build.failure, gate=self.name, message=f"for a GPU: {build.failure.message}")
            return GateResult(self.name, GateStatus.FAIL, wall_s, failure)
        finally:
            for tree in (subject.tree, context.task.tree):
                context.builder.discard(tree, toolchain, variant)
