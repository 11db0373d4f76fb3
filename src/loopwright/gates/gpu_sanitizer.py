"""On a GPU: compute-sanitizer's memcheck and racecheck. Without one they are silent: such a run is called
`not timed: no device` as a whole.

What they print is read as others recorded it; whether they work is for the controls to say, on each machine
with a GPU: small programs with a planted fault, and their clean twins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, Target
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult
from loopwright.gates.findings import Finding
from loopwright.gates.gate import Context
from loopwright.gates.gpu_build import TARGETS, gpu_toolchain, gpu_variant
from loopwright.gates.instrument import Setting
from loopwright.gates.instrumented import InstrumentedGate
from loopwright.gates.reports_compute_sanitizer import memory_findings, mode_of, race_findings
from loopwright.harness.types import BuildResult
from loopwright.toolchains.devices import NO_GPU, gpu, gpu_driver
from loopwright.toolchains.install import install_line
from loopwright.toolchains.nvidia_tools import find_tool, folders_of, tool_version
from loopwright.toolchains.toolchain import Toolchain, Variant

_TOOL = "compute-sanitizer"
_FOUND_SOMETHING = 67
_MOST_RECORDS = 1000
_TO_STDERR = ("/bin/sh", "-c", 'exec "$@" 1>&2', "sh")
"""It prints on standard output, together with the program; reports are read from standard error."""


@dataclass(frozen=True)
class ComputeSanitizer:
    """One tool of compute-sanitizer as an instrument."""

    name: str
    tool: str
    mode: FailureMode
    read: Callable[[str, Tree, str], tuple[Finding, ...]]
    ends_program: bool
    smallest_only: bool
    exit_status: int | None = _FOUND_SOMETHING

    def toolchains(self, context: Context) -> tuple[tuple[Toolchain, ...], str]:
        """nvcc for CUDA, the run's clang for target regions."""
        found, reason = gpu_toolchain(context)
        return ((found,) if found is not None else ()), reason

    def missing(self) -> str:
        """A GPU, and compute-sanitizer itself."""
        if not gpu():
            return NO_GPU
        return "" if _program() else f"{_TOOL} missing: {install_line('cuda')}"

    def identification(self) -> str:
        """The tool's version, the GPU and its driver."""
        return f"{_program()} {tool_version(_TOOL)} {gpu()} {gpu_driver()}"

    def variant(self, toolchain: Toolchain, context: Context) -> Variant:
        """See :func:`loopwright.gates.gpu_build.gpu_variant`."""
        return gpu_variant(context)

    def settings(self, openmp: bool) -> tuple[Setting, ...]:
        """One run: which threads of a kernel run together is for the GPU to say."""
        return (Setting(1, {}),)

    def environment(self, toolchain: Toolchain) -> Mapping[str, str]:
        """Where the tool finds the shell's own programs."""
        return {"PATH": "/usr/bin:/bin"}

    def prefix(self, build: BuildResult) -> tuple[str, ...]:
        """The tool before the program; whole paths, to be found in the task."""
        return (*_TO_STDERR, str(_program()), "--tool", self.tool, "--error-exitcode", str(self.exit_status),
                "--strip-paths", "no", "--show-backtrace", "device",
                "--print-limit", str(_MOST_RECORDS), "--")  # fmt: skip

    def files(self) -> tuple[Path, ...]:
        """The folder of CUDA, whose libraries the tool loads into the program."""
        program = _program()
        return folders_of(program) if program is not None else ()

    def parse(self, report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
        """See :mod:`loopwright.gates.reports_compute_sanitizer`."""
        return self.read(report, tree, directory)


class GpuSanitizerGate(InstrumentedGate):
    """An :class:`InstrumentedGate` whose programs run on the GPU, and whose findings have a mode each."""

    def __init__(self, instrument: ComputeSanitizer, targets: frozenset[Target]) -> None:
        super().__init__(instrument)
        self._targets = targets

    @property
    def targets(self) -> frozenset[Target]:
        """None on a machine without a GPU."""
        return self._targets if gpu() else frozenset()

    def available(self, context: Context) -> str:
        """Empty when the tool passes its control on the GPU of this machine."""
        return self._toolchain(context)[1]

    def _failed(self, finding: Finding, tree: Tree, case: Case) -> GateResult:
        result = super()._failed(finding, tree, case)
        assert result.failure is not None
        return replace(result, failure=replace(result.failure, mode=mode_of(finding)))


def _program() -> Path | None:
    """The program itself: what lies in bin/ is a script that starts it."""
    found = find_tool(_TOOL)
    if found is None:
        return None
    inner = found.parents[1] / _TOOL / _TOOL
    return inner if inner.is_file() else found


GPU_MEMORY = GpuSanitizerGate(
    ComputeSanitizer(
        "gpu-memory",
        "memcheck",
        FailureMode.MEMORY_ERROR,
        memory_findings,
        # The first fault takes away the context: kernels that follow do not run.
        ends_program=True,
        smallest_only=False,
    ),
    TARGETS,
)
GPU_RACES = GpuSanitizerGate(
    ComputeSanitizer(
        "gpu-races", "racecheck", FailureMode.DATA_RACE, race_findings, ends_program=False, smallest_only=True
    ),
    # Shared memory is all that it looks at: that of target regions belongs to OpenMP's runtime.
    frozenset({Target.CUDA}),
)
