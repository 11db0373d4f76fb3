"""What the emulation runs is also right to the device's own compiler, and what its kernels need there."""

from __future__ import annotations

import time
from abc import abstractmethod

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Target
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.toolchains.toolchain import Toolchain


class KernelBuildGate:
    """Compiles a candidate with the compiler of a device; nothing is run. A pass tells what each kernel
    needs. A candidate fails when the original compiles and it does not.
    """

    name: str
    stage = Stage.EVERY
    targets: frozenset[Target]

    @abstractmethod
    def compiler(self) -> Toolchain:
        """The compiler of this machine, tried. Raises ToolMissing when there is none that works."""

    @abstractmethod
    def figures(self, log: str) -> str:
        """What kernels need, as far as `log` says."""

    def available(self, context: Context) -> str:
        """Empty when the compiler is there and compiles a small program."""
        try:
            self.compiler()
        except ToolMissing as error:
            return f"{error.message}; {error.hint}" if error.hint else error.message
        return ""

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Build `subject` at the flags of the run."""
        started = time.monotonic()
        compiler = self.compiler()
        build = context.builder.build(subject.tree, compiler, context.variant)
        try:
            wall_s = time.monotonic() - started
            if build.failure is None:
                return GateResult(self.name, GateStatus.PASS, wall_s, reason=self.figures(build.log))
            original = context.builder.build(context.task.tree, compiler, context.variant)
            if original.failure is not None:
                reason = f"the original does not build with {compiler.name}: {original.failure.message}"
                return GateResult(self.name, GateStatus.NOT_AVAILABLE, wall_s, reason=reason)
            cause = build.failure
            failure = Failure(cause.mode, self.name, f"{compiler.name}: {cause.message}", cause.evidence)
            return GateResult(self.name, GateStatus.FAIL, wall_s, failure)
        finally:
            for tree in (subject.tree, context.task.tree):
                context.builder.discard(tree, compiler, context.variant)
