"""Build: the candidate compiles and links with the same toolchain and flags as the original."""

from __future__ import annotations

import time

from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.gate import Context, Stage, Subject


class BuildGate:
    """Builds the candidate; diagnostics are the evidence of a failure."""

    name = "build"
    stage = Stage.EVERY

    def available(self, context: Context) -> str:
        """Available as soon as a run has a toolchain: the original was built with it."""
        return ""

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Build `subject`; the builder remembers the result for the gates that follow."""
        started = time.monotonic()
        build = context.builder.build(subject.tree, context.toolchain, context.variant)
        wall_s = time.monotonic() - started
        if build.failure is not None:
            return GateResult(self.name, GateStatus.FAIL, wall_s, build.failure)
        return GateResult(self.name, GateStatus.PASS, wall_s)
