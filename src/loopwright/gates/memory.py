"""Memory and arithmetic: AddressSanitizer, UndefinedBehaviorSanitizer, and valgrind for uninitialised reads.

MemorySanitizer does not serve: with a libomp that is not instrumented it calls correct programs wrong.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.gates import reports_memcheck, reports_sanitizers
from loopwright.gates.findings import Finding
from loopwright.gates.gate import Context
from loopwright.gates.instrument import Setting
from loopwright.gates.instrument_flags import flags_for, symbolizer_option
from loopwright.gates.instrumented import InstrumentedGate
from loopwright.harness.types import BuildResult
from loopwright.toolchains import discovery
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import Purpose, Toolchain, Variant

_THREADS = (1, 3)
_FEW_THREADS = (1, 2)


@dataclass(frozen=True)
class Sanitizer:
    """A sanitizer that ends the program at its first finding; gcc or clang, whichever passes the control."""

    name: str
    mode: FailureMode
    purpose: Purpose
    variable: str
    options: tuple[str, ...]
    read: Callable[[str, Tree, str], tuple[Finding, ...]]
    exit_status: int = 67
    smallest_only: bool = False
    ends_program: bool = True

    def toolchains(self, context: Context) -> tuple[tuple[Toolchain, ...], str]:
        """That of the run first, then all others."""
        others = tuple(t for t in discovery.discover() if t.name != context.toolchain.name)
        return (context.toolchain, *others), ""

    def missing(self) -> str:
        """Nothing beside the compiler."""
        return ""

    def identification(self) -> str:
        """Empty: all that it uses belongs to the toolchain."""
        return ""

    def variant(self, toolchain: Toolchain, context: Context) -> Variant:
        """The flags of the run, with the sanitizer."""
        return Variant(flags_for(toolchain, context), context.variant.target, self.purpose)

    def settings(self, openmp: bool) -> tuple[Setting, ...]:
        """One thread and three: bounds of chunks are another source of faults."""
        return tuple(Setting(n, {}) for n in (_THREADS if openmp else (1,)))

    def environment(self, toolchain: Toolchain) -> Mapping[str, str]:
        """The sanitizer's options."""
        options = (f"exitcode={self.exit_status}", *self.options, *symbolizer_option(toolchain))
        return {self.variable: ":".join(options)}

    def prefix(self, build: BuildResult) -> tuple[str, ...]:
        """Nothing: the sanitizer is in the program."""
        return ()

    def files(self) -> tuple[Path, ...]:
        """None."""
        return ()

    def parse(self, report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
        """See :mod:`loopwright.gates.reports_sanitizers`."""
        return self.read(report, tree, directory)


class Uninitialised:
    """valgrind's memcheck, on the quickest case with one and two threads: it is some fifty times slower."""

    name = "uninitialised"
    mode = FailureMode.UNINITIALISED_READ
    exit_status = None
    smallest_only = True
    ends_program = False

    def toolchains(self, context: Context) -> tuple[tuple[Toolchain, ...], str]:
        """That of the run first, then all others."""
        others = tuple(t for t in discovery.discover() if t.name != context.toolchain.name)
        return (context.toolchain, *others), ""

    def missing(self) -> str:
        """valgrind itself."""
        return "" if shutil.which("valgrind") else f"valgrind missing: {install_line('valgrind')}"

    def identification(self) -> str:
        """Where valgrind lies and when it was installed."""
        valgrind = Path(shutil.which("valgrind") or "/")
        return f"{valgrind} {valgrind.stat().st_mtime_ns}"

    def variant(self, toolchain: Toolchain, context: Context) -> Variant:
        """The flags of the run with line tables, not optimised: else a comparison becomes arithmetic, and
        memcheck complains only where the result is printed. Without AVX-512, which valgrind does not know.
        """
        narrow = ("-mno-avx512f",) if platform.machine() in ("x86_64", "AMD64") else ()
        flags = (*flags_for(toolchain, context), "-O0", *narrow)
        return Variant(flags, context.variant.target, Purpose.PROFILE)

    def settings(self, openmp: bool) -> tuple[Setting, ...]:
        """One and two threads."""
        return tuple(Setting(n, {}) for n in (_FEW_THREADS if openmp else (1,)))

    def environment(self, toolchain: Toolchain) -> Mapping[str, str]:
        """None."""
        return {}

    def prefix(self, build: BuildResult) -> tuple[str, ...]:
        """valgrind before the program. Paths are printed whole, to be found in the task. No exit status of
        its own: it would stand for invalid reads and for what runtimes do among themselves too.
        """
        valgrind = shutil.which("valgrind") or "valgrind"
        return (valgrind, "--quiet", "--tool=memcheck",
                "--leak-check=no", "--fullpath-after=", "--fair-sched=yes", "--vgdb=no")  # fmt: skip

    def files(self) -> tuple[Path, ...]:
        """None."""
        return ()

    def parse(self, report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
        """See :func:`loopwright.gates.reports_memcheck.uninitialised`."""
        return reports_memcheck.uninitialised(report, tree, directory)


ADDRESSES = InstrumentedGate(
    Sanitizer(
        "addresses",
        FailureMode.MEMORY_ERROR,
        Purpose.ADDRESSES,
        "ASAN_OPTIONS",
        ("detect_leaks=0", "halt_on_error=1", "detect_stack_use_after_return=1"),
        reports_sanitizers.addresses,
    )
)
UNDEFINED = InstrumentedGate(
    Sanitizer(
        "undefined",
        FailureMode.UNDEFINED_BEHAVIOUR,
        Purpose.UNDEFINED,
        "UBSAN_OPTIONS",
        ("halt_on_error=1", "print_stacktrace=0"),
        reports_sanitizers.undefined,
    )
)
UNINITIALISED = InstrumentedGate(Uninitialised())
