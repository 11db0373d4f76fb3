"""Races: ThreadSanitizer with Archer, which tells it of OpenMP's own synchronisation.

Of the tools that were tried only this pair was right on both sides: gcc's libgomp is opaque to
ThreadSanitizer and to helgrind, which then call correct programs racy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.gates import reports_sanitizers
from loopwright.gates.findings import Finding
from loopwright.gates.gate import Context
from loopwright.gates.instrument import Setting
from loopwright.gates.instrument_flags import flags_for, symbolizer_option
from loopwright.gates.instrumented import InstrumentedGate
from loopwright.harness.types import BuildResult
from loopwright.toolchains import discovery
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import Purpose, Toolchain, Variant

_IGNORED = Path(__file__).with_name("races_ignored.txt")
_THREADS = (2, 3, 4)
_SCHEDULES = ("static", "dynamic,1")


class Races:
    """ThreadSanitizer in clang, with two, three and four threads and two run-time schedules."""

    name = "races"
    mode = FailureMode.DATA_RACE
    exit_status = 66
    smallest_only = False
    ends_program = False

    def toolchains(self, context: Context) -> tuple[tuple[Toolchain, ...], str]:
        """Every clang whose OpenMP works and which has Archer, newest first."""
        clangs = [t for t in discovery.discover() if isinstance(t, Clang)]
        able = tuple(t for t in clangs if t.archer is not None and not t.openmp_problem)
        if able:
            return able, ""
        if not clangs:
            return (), f"clang missing: {install_line('clang')}"
        problems = [t.openmp_problem or f"{t.name} has no libarcher.so" for t in clangs]
        return (), f"{problems[0]}: {install_line('clang', version=clangs[0].major)}"

    def missing(self) -> str:
        """Nothing beside the compiler; whether reports name source lines, the control shows."""
        return ""

    def identification(self) -> str:
        """Empty: all that it uses belongs to the toolchain."""
        return ""

    def variant(self, toolchain: Toolchain, context: Context) -> Variant:
        """The flags of the run for OpenMP, with ThreadSanitizer."""
        return Variant(flags_for(toolchain, context), context.variant.target, Purpose.RACES)

    def settings(self, openmp: bool) -> tuple[Setting, ...]:
        """All threads with all schedules. OMP_SCHEDULE reaches loops with schedule(runtime) only."""
        return tuple(Setting(n, {"OMP_SCHEDULE": s}) for s in _SCHEDULES for n in _THREADS)

    def environment(self, toolchain: Toolchain) -> Mapping[str, str]:
        """Options of the sanitizer, on top of the toolchain's own, and Archer by name."""
        assert isinstance(toolchain, Clang)
        options = (
            # Not ignore_noninstrumented_modules=1, as Archer advises: with it ThreadSanitizer is blind to
            # memcpy and memset, and to the loops that the compiler makes such calls of.
            f"suppressions={_IGNORED}",
            "halt_on_error=0",
            "print_suppressions=1",
            f"exitcode={self.exit_status}",
            "history_size=4",
            "report_thread_leaks=0",
            "report_signal_unsafe=0",
            "detect_deadlocks=0",
            *symbolizer_option(toolchain),
        )
        return {"TSAN_OPTIONS": ":".join(options), "OMP_TOOL_LIBRARIES": str(toolchain.archer)}

    def prefix(self, build: BuildResult) -> tuple[str, ...]:
        """Nothing: the sanitizer is in the program."""
        return ()

    def files(self) -> tuple[Path, ...]:
        """The list of what is not to be looked at."""
        return (_IGNORED,)

    def parse(self, report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
        """See :func:`loopwright.gates.reports_sanitizers.races`."""
        return reports_sanitizers.races(report, tree, directory)


RACES = InstrumentedGate(Races(), needs_threads=True)
