"""CUDA and HIP without a device: a candidate's kernels run on the CPU, and every access of theirs is watched.

Found are accesses outside of what was allocated or declared, host memory touched by a kernel and device
memory by the host, data races within a block and between blocks, and barriers that not all threads reach.
What cannot be emulated is named, and the gate is then not available for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, Target
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult
from loopwright.gates.findings import Finding
from loopwright.gates.gate import Context, Stage
from loopwright.gates.instrument import Setting
from loopwright.gates.instrumented import InstrumentedGate
from loopwright.gates.reports_cuda import cuda_findings, mode_of
from loopwright.harness.cuda_emulation.toolchain import FOUND_SOMETHING, EmulatedCuda
from loopwright.harness.types import BuildResult
from loopwright.toolchains import trials
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import Purpose, Toolchain, Variant

_SEEDS = ("1", "2")


class Emulation:
    """The runtime of the emulation as an instrument, with two orders of blocks and threads."""

    name: str = "emulated"
    mode = FailureMode.MEMORY_ERROR
    exit_status = FOUND_SOMETHING
    smallest_only = False
    ends_program = False

    def toolchains(self, context: Context) -> tuple[tuple[Toolchain, ...], str]:
        """That of the run: for CUDA and HIP it is the emulation."""
        if isinstance(context.toolchain, EmulatedCuda):
            return (context.toolchain,), ""
        return (), f"{context.toolchain.name} does not emulate kernels"

    def missing(self) -> str:
        """The symbolizer, without which no line is named."""
        return "" if trials.symbolizer() else f"addr2line missing: {install_line('binutils')}"

    def identification(self) -> str:
        """Empty: the toolchain's version tells the runtime."""
        return ""

    def variant(self, toolchain: Toolchain, context: Context) -> Variant:
        """The flags of the run, and looking for races."""
        return replace(context.variant, purpose=Purpose.RACES)

    def settings(self, openmp: bool) -> tuple[Setting, ...]:
        """Two orders of blocks and of threads between barriers."""
        return tuple(Setting(1, {"LOOPWRIGHT_CUDA_SEED": seed}) for seed in _SEEDS)

    def environment(self, toolchain: Toolchain) -> Mapping[str, str]:
        """Nothing beyond that of the toolchain."""
        return {}

    def prefix(self, build: BuildResult) -> tuple[str, ...]:
        """Nothing: the runtime is in the program."""
        return ()

    def files(self) -> tuple[Path, ...]:
        """None."""
        return ()

    def parse(self, report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
        """See :func:`loopwright.gates.reports_cuda.cuda_findings`."""
        return cuda_findings(report, tree, directory)


class HipEmulation(Emulation):
    """The same with the names of HIP, and wavefronts of 64 lanes: it has a control of its own."""

    name = "emulated-hip"


class EmulatedGate(InstrumentedGate):
    """An :class:`InstrumentedGate` that every candidate of its target passes before outputs are looked at,
    and whose findings have a failure mode each.
    """

    stage = Stage.EVERY

    def __init__(self, instrument: Emulation, target: Target) -> None:
        super().__init__(instrument)
        self.name = Emulation.name
        self.targets = frozenset({target})

    def available(self, context: Context) -> str:
        """Empty when the emulation passes its control here."""
        return self._toolchain(context)[1]

    def _failed(self, finding: Finding, tree: Tree, case: Case) -> GateResult:
        result = super()._failed(finding, tree, case)
        assert result.failure is not None
        return replace(result, failure=replace(result.failure, mode=mode_of(finding)))


EMULATED = EmulatedGate(Emulation(), Target.CUDA)
EMULATED_HIP = EmulatedGate(HipEmulation(), Target.HIP)
