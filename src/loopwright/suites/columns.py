"""The columns of the bench: what compilers, a library and the built-in optimiser make of one kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from loopwright.agents.workspace import read_candidate
from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.task import Target, Task
from loopwright.core.tree import Tree
from loopwright.suites.bench_record import BUILTIN, LIBRARY, OPTIMISER, REFERENCE, ColumnInfo
from loopwright.suites.blas import blas_problem, blas_sources
from loopwright.suites.polly import ParallelPolly
from loopwright.toolchains.clang import Clang, Polly
from loopwright.toolchains.discovery import discover, find
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Purpose, Toolchain, Variant
from loopwright.workbench.rundir import original_candidate


@dataclass(frozen=True)
class Version:
    """One way to build a kernel: complete files, compiler, flags, further libraries."""

    tree: Tree
    toolchain: Toolchain
    variant: Variant
    libs: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What an optimiser came to: its best files, None when it has none; `facts` are kept with the result."""

    tree: Tree | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


Optimise = Callable[[Task], Found]
"""Makes one task faster within its own budget."""


class Column(Protocol):
    """One column.

    Contract: `info.problem` is asked first; when it is empty, `version` gives what is to be built for a task,
    or in words why there is nothing for this one. Neither raises for what a machine or a kernel lacks.
    """

    @property
    def info(self) -> ColumnInfo:
        """Name, title, compiler, flags, and what is missing here."""
        ...

    def version(self, task: Task) -> Version | str:
        """What this column makes of `task`."""
        ...


@dataclass(frozen=True)
class CompilerColumn:
    """The original under one compiler's flags. Without a toolchain `info.problem` says why."""

    info: ColumnInfo
    toolchain: Toolchain | None
    variant: Variant

    def version(self, task: Task) -> Version | str:
        """The original's files."""
        if self.toolchain is None:
            return self.info.problem
        return Version(task.tree, self.toolchain, self.variant)


@dataclass(frozen=True)
class BlasColumn:
    """The kernel rewritten as calls of a BLAS, where that can be done."""

    info: ColumnInfo
    toolchain: Toolchain
    variant: Variant

    def version(self, task: Task) -> Version | str:
        """The shipped BLAS version of this kernel."""
        sources = blas_sources(task.name)
        if not sources:
            return "not a BLAS operation"
        return Version(task.tree.replaced(sources), self.toolchain, self.variant, libs=("openblas",))


@dataclass(frozen=True)
class BuiltinColumn:
    """The built-in optimiser's result: a stored candidate `candidates/<task>/` if there is one, else that of
    a run made now.
    """

    info: ColumnInfo
    toolchain: Toolchain
    variant: Variant
    optimise: Optimise
    candidates: Path | None = None

    def version(self, task: Task) -> Version | str:
        """Read the candidate or make the run."""
        stored = self.candidates / task.name if self.candidates is not None else None
        if stored is not None and stored.is_dir():
            made = read_candidate(stored, task, parent=original_candidate(task), title=str(stored))
            tree, facts = task.tree.replaced(made.files), {"stored": str(stored)}
            return Version(tree, self.toolchain, self.variant, facts=facts)
        found = self.optimise(task)
        if found.tree is None:
            return found.reason
        return Version(found.tree, self.toolchain, self.variant, facts=found.facts)


def make_columns(threads: int, optimise: Optimise, candidates: Path | None = None) -> tuple[Column, ...]:
    """Every column, those that this machine has not got included.

    Raises:
        ToolMissing: without gcc, which everything is set against.
    """
    gcc = find("gcc")
    serial = Variant(NATIVE_FLAGS, Target.SERIAL)
    openmp = Variant(NATIVE_FLAGS, Target.OPENMP)
    automatic = Variant(
        (*NATIVE_FLAGS, "-floop-nest-optimize"), Target.SERIAL, Purpose.AUTO_PARALLEL, threads
    )
    clang, no_clang = _clang()
    return (
        _compiled(REFERENCE, "gcc", gcc, serial),
        _compiled("clang", "clang", clang, serial, no_clang),
        _compiled("gcc-auto", "gcc, its own parallelisation", gcc, automatic),
        *_polly(Variant(NATIVE_FLAGS, Target.SERIAL, Purpose.AUTO_PARALLEL, threads)),
        BlasColumn(
            ColumnInfo("openblas", "OpenBLAS", _version_of(gcc), (*NATIVE_FLAGS, "-lopenblas"), LIBRARY,
                       blas_problem(gcc)),
            gcc, serial,
        ),
        BuiltinColumn(
            ColumnInfo(BUILTIN, "built-in optimiser", _version_of(gcc), gcc.compile_flags(openmp), OPTIMISER),
            gcc, openmp, optimise, candidates,
        ),
    )  # fmt: skip


def choose_columns(columns: Sequence[Column], wanted: Sequence[str]) -> tuple[Column, ...]:
    """The columns called `wanted` (all when empty) in their usual order; the reference is always there.
    "polly" means every column whose name begins with "polly-".

    Raises:
        UsageError: for a name that no column has.
    """
    chosen: set[str] = {REFERENCE}
    for name in wanted or [column.info.name for column in columns]:
        meant = {c.info.name for c in columns if c.info.name == name or c.info.name.startswith(f"{name}-")}
        if name == REFERENCE:
            meant = {REFERENCE}
        if not meant:
            names = ",".join(column.info.name for column in columns)
            raise UsageError(f"no column {name!r}", hint=f"--columns {names}")
        chosen |= meant
    return tuple(column for column in columns if column.info.name in chosen)


def _compiled(
    name: str, title: str, toolchain: Toolchain | None, variant: Variant, problem: str = ""
) -> CompilerColumn:
    if toolchain is None:
        return CompilerColumn(ColumnInfo(name, title, problem=problem), None, variant)
    flags = (*toolchain.compile_flags(variant), *toolchain.link_flags(variant))
    info = ColumnInfo(name, title, _version_of(toolchain), _shown(flags))
    return CompilerColumn(info, toolchain, variant)


def _version_of(toolchain: Toolchain) -> str:
    return f"{toolchain.family} {toolchain.version}"


def _shown(flags: tuple[str, ...]) -> tuple[str, ...]:
    """Every flag once, with the -mllvm that belongs to it."""
    whole = (f"-mllvm {flag}" if flag.startswith("-polly") else flag for flag in flags if flag != "-mllvm")
    return tuple(dict.fromkeys(whole))


def _clang() -> tuple[Clang | None, str]:
    try:
        found = find("clang")
    except ToolMissing as error:
        return None, f"{error.message}; {install_line('clang')}"
    assert isinstance(found, Clang)
    return found, ""


def _polly(variant: Variant) -> list[CompilerColumn]:
    """Polly of the newest clang for one core, and of every clang whose Polly makes parallel code: older
    ones do so for loops that newer ones leave serial, and the other way round.
    """
    clangs = [toolchain for toolchain in discover() if isinstance(toolchain, Clang)]
    columns: list[CompilerColumn] = []
    serial = next((clang for clang in clangs if clang.polly is not Polly.ABSENT), None)
    if serial is None:
        columns.append(_compiled("polly-serial", "Polly", None, variant, "no clang here has Polly"))
    else:
        alone = replace(serial, name=f"{serial.name}-polly", polly=Polly.SERIAL)
        columns.append(_compiled(f"polly-{serial.major}", f"Polly {serial.major}", alone, variant))
    parallel = [clang for clang in clangs if clang.polly is Polly.PARALLEL]
    for clang in parallel:
        name, title = f"polly-{clang.major}-parallel", f"Polly {clang.major}, parallel"
        columns.append(_compiled(name, title, ParallelPolly.of(clang), variant))
    if not parallel:
        here = ", ".join(clang.name for clang in clangs) or "no clang"
        get = install_line("clang", version="14").partition(" libomp")[0]
        problem = f"Polly makes no parallel code here ({here}); that of clang 14 does: {get}"
        columns.append(_compiled("polly-parallel", "Polly, parallel", None, variant, problem))
    return columns
