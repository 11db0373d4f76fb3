"""The Protocol of a gate, and what a gate is given to decide on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from loopwright.core.machine import Floors
from loopwright.core.task import Case, Target, Task
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult
from loopwright.harness.build import Builder
from loopwright.harness.cuda_builder import TranslationBuilder
from loopwright.harness.execute import CaseRunner
from loopwright.harness.types import BuildResult
from loopwright.system.execution import Limits
from loopwright.toolchains.device import Device
from loopwright.toolchains.toolchain import Toolchain, Variant

Expected = Mapping[str, npt.NDArray[np.generic]]


class Stage(StrEnum):
    """When a gate runs: for every candidate, or once at the end of a run for the winner."""

    EVERY = "every"
    FINAL = "final"


@dataclass(frozen=True)
class OnDevice:
    """How programs are built to be timed on a device that is here: by what, for what, with what flags too."""

    toolchain: Toolchain
    device: Device
    flags: tuple[str, ...] = ()

    def variant(self, checked: Variant) -> Variant:
        """The variant that is timed, from the one that is checked."""
        return replace(checked, device=self.device, flags=(*checked.flags, *self.flags))


@dataclass(frozen=True)
class Context:
    """Everything a gate may use. All of it lies outside the agent's reach.

    Attributes:
        task: the original, with its complete tree.
        toolchain, variant: how the candidate's main build is made; a gate may build others.
        original_flags: those with which the original is faster than with those of `variant`; None: the same.
        on_device: how programs are built to be timed, where they run on a device that is here; None: they are
            timed as they are checked, or not at all.
        expected: case name to the outputs of the original, read when first needed.
        limits: case to the limits of one run of it.
        threads: thread numbers to try, ascending; the last is the one that is timed.
        floors: the machine's measured ceilings, None when they were not measured.
        original_s: case to the time that the original needs with one thread, None when it was not run.
    """

    task: Task
    builder: Builder
    cases: CaseRunner
    toolchain: Toolchain
    variant: Variant
    expected: Callable[[Case], Expected]
    limits: Callable[[Case], Limits]
    threads: tuple[int, ...]
    floors: Floors | None = None
    original_s: Callable[[Case], float | None] = lambda case: None
    original_flags: tuple[str, ...] | None = None
    on_device: OnDevice | None = None

    def timed_variant(self, tree: Tree) -> Variant:
        """How `tree` is built to be timed: the original in the way that suits it best."""
        variant = self.variant if self.on_device is None else self.on_device.variant(self.variant)
        if self.original_flags is None or tree.digest != self.task.tree.digest:
            return variant
        original = replace(self.variant, flags=self.original_flags)
        return original if self.on_device is None else self.on_device.variant(original)

    def timed_build(self, tree: Tree) -> BuildResult:
        """The build of `tree` that is timed; the one that is checked, where nothing tells them apart."""
        return self.builder.build(tree, self._timed_toolchain, self.timed_variant(tree))

    def discard(self, tree: Tree) -> None:
        """Forget the builds of a candidate."""
        self.builder.discard(tree, self.toolchain, self.variant)
        self.builder.discard(tree, self._timed_toolchain, self.timed_variant(tree))

    @property
    def _timed_toolchain(self) -> Toolchain:
        return self.toolchain if self.on_device is None else self.on_device.toolchain

    @property
    def ceilings(self) -> Floors | None:
        """What bounds the times of candidates: of this machine, together with its GPU if they run there."""
        on_gpu = self.on_device is not None and self.on_device.device is Device.NVPTX
        return self.floors.with_device if self.floors is not None and on_gpu else self.floors

    @property
    def emulated_original(self) -> bool:
        """Whether the gates run the original under the emulation of CUDA or HIP: its times mean nothing."""
        return self.variant.target.runs_kernels or self.translates

    @property
    def original_toolchain(self) -> Toolchain:
        """What the original is built with: the emulation, where it is a CUDA program."""
        return self.builder.emulation if isinstance(self.builder, TranslationBuilder) else self.toolchain

    @property
    def translates(self) -> bool:
        """Whether candidates are programs for processors, and the original is a CUDA program."""
        return isinstance(self.builder, TranslationBuilder)

    @property
    def untimed(self) -> str:
        """Why candidates are not timed; "" when they are. A host device has the memory of its own that a GPU
        has, and nothing of its speed.
        """
        if self.on_device is not None:
            return ""
        if self.variant.target.runs_kernels or self.variant.target is Target.OFFLOAD:
            return "no device"
        return "no original for processors" if self.emulated_original else ""


@dataclass(frozen=True)
class Subject:
    """The candidate under test: its complete tree (protected files included, as the candidate left them)
    and, after the build gate, its build.
    """

    tree: Tree
    build: BuildResult | None = None


@runtime_checkable
class OfTargets(Protocol):
    """A gate that has something to say about programs for some targets only; of others it is silent."""

    @property
    def targets(self) -> frozenset[Target]:
        """These targets."""
        ...


class Gate(Protocol):
    """One check that a candidate passes or fails.

    Contract: `available` is asked once per run and says "" when the gate can be believed on this machine (its
    positive control was caught), else why not; a gate that is not available is reported so and never
    called. `check` returns a result with the gate's own name; it never raises for what a candidate does.
    Gates run in the order of the registry and the first failure ends the evaluation, so cheap ones come
    first.
    """

    @property
    def name(self) -> str:
        """As in `--json`: `integrity`, `build`, `outputs`, ..."""
        ...

    @property
    def stage(self) -> Stage:
        """When the gate runs."""
        ...

    def available(self, context: Context) -> str:
        """Empty when the gate works here, else the reason, with what to install."""
        ...

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Judge `subject`."""
        ...
