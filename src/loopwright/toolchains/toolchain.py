"""The Protocol of a compiler family, and how code is to be compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from loopwright.core.profile import Diagnostic, Remark
from loopwright.core.task import Language, Target
from loopwright.core.tree import Tree
from loopwright.toolchains.device import Device


class Purpose(StrEnum):
    """What a build is for. Each adds its own flags to those of the task."""

    TIME = "time"
    """The build that is checked and timed: nothing added."""
    PROFILE = "profile"
    """Line tables (-g -fno-omit-frame-pointer), same optimisation."""
    AUTO_PARALLEL = "auto-parallel"
    """The compiler's own parallelisation, for comparison."""
    RACES = "races"
    ADDRESSES = "addresses"
    UNDEFINED = "undefined"


@dataclass(frozen=True)
class Variant:
    """One way of compiling: optimisation flags (`("-O3", "-march=native")`), target, purpose."""

    flags: tuple[str, ...]
    target: Target = Target.OPENMP
    purpose: Purpose = Purpose.TIME
    threads: int = 1
    """For auto-parallelisation, whose thread number gcc fixes at compile time."""
    device: Device = Device.FALLBACK
    """For the target `offload`: where target regions run."""


NATIVE_FLAGS = ("-O3", "-march=native")


class Toolchain(Protocol):
    """One compiler family at one version.

    Contract: flags and parsing are pure; only `loopwright.toolchains.discovery` starts processes.
    """

    @property
    def name(self) -> str:
        """Unique, as in `gcc-12` or `clang-19`."""
        ...

    @property
    def family(self) -> str:
        """`gcc` or `clang`."""
        ...

    @property
    def version(self) -> str:
        """As in `12.2.0`."""
        ...

    def compiler(self, language: Language) -> Path:
        """The compiler driver for `language`. Raises ToolMissing when there is none."""
        ...

    def compile_flags(self, variant: Variant) -> tuple[str, ...]:
        """Everything for the compile step: the variant's flags, those of target and purpose, diagnostics
        in machine-readable form excluded. Raises ToolMissing when the target cannot be had.
        """
        ...

    def link_flags(self, variant: Variant) -> tuple[str, ...]:
        """What the link step needs beyond the compile flags."""
        ...

    def environment(self, variant: Variant) -> Mapping[str, str]:
        """Environment that built programs need to start (a library path for libomp)."""
        ...

    @property
    def diagnostic_flags(self) -> tuple[str, ...]:
        """Flags that make the compiler print diagnostics which `parse_diagnostics` reads."""
        ...

    def parse_diagnostics(self, stderr: str) -> tuple[Diagnostic, ...]:
        """Diagnostics in what the compiler (or make around it) printed; plain text is understood too."""
        ...

    def remark_flags(self, output: Path) -> tuple[str, ...]:
        """Flags that make one compilation write its optimisation remarks to `output`."""
        ...

    def parse_remarks(self, content: bytes) -> tuple[Remark, ...]:
        """The remarks in the file written under `remark_flags`."""
        ...


class PrintsAll:
    """What compilers have in common that say everything while they compile: no file of remarks, and nothing
    that the link step alone is told.
    """

    def link_flags(self, variant: Variant) -> tuple[str, ...]:
        """Nothing beyond the compile flags."""
        return ()

    def remark_flags(self, output: Path) -> tuple[str, ...]:
        """None: what there is to say is printed."""
        return ()

    def parse_remarks(self, content: bytes) -> tuple[Remark, ...]:
        """None: there is no such file."""
        return ()


@runtime_checkable
class PreparesSources(Protocol):
    """A toolchain that changes sources before it compiles them."""

    @property
    def base(self) -> Toolchain:
        """The compiler beneath, for programs that are compiled as they stand."""
        ...

    def prepared(self, tree: Tree) -> Tree:
        """The files that are compiled, its own beside them; lines keep their numbers. Pure."""
        ...

    def source_flags(self, source: str) -> tuple[str, ...]:
        """Flags for compiling `source`, behind those of the variant and the standard."""
        ...


@runtime_checkable
class SetsEnvironment(Protocol):
    """A toolchain whose compilers have to be told something by their environment, which is empty else."""

    @property
    def build_environment(self) -> Mapping[str, str]:
        """Variables for every command of a build."""
        ...


@dataclass(frozen=True)
class Tool:
    """One thing `loopwright doctor` looks for."""

    name: str
    enables: str
    found: bool
    path: str = ""
    version: str = ""
    install: str = ""
    """The line to type to get it, empty when found."""
    notes: tuple[str, ...] = field(default_factory=tuple)
