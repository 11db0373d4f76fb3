"""Callgrind: exact, repeatable counts of instructions, at 20 to 60 times the run time."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from loopwright.core.profile import HotLine
from loopwright.profilers import symbols
from loopwright.profilers.profiler import ProfileFailed
from loopwright.system.execution import Command, Limits, Runner
from loopwright.toolchains import trials
from loopwright.toolchains.install import install_line

_SLOWDOWN = 60.0
_LARGEST_BYTES = 512 << 20
_FLAGS = (
    "-q",
    "--tool=callgrind",
    "--dump-instr=yes",
    "--compress-strings=no",
    "--compress-pos=no",
    "--vgdb=no",
    "--sigill-diagnostics=yes",
)
_COST = re.compile(r"^(?P<address>0x[0-9a-f]+) \d+ (?P<cost>\d+)$")
# On a machine with AVX-512, -march=native makes instructions that valgrind does not decode.
_UNKNOWN_INSTRUCTION = re.compile(r"unrecognised instruction|unhandled instruction", re.IGNORECASE)


@dataclass(frozen=True)
class Callgrind:
    """Instructions executed, by line, under valgrind. Threads take turns, so waiting is not seen; costs
    are instructions and not time, so a cache miss is not seen either.
    """

    @property
    def name(self) -> str:
        """Always `callgrind`."""
        return "callgrind"

    @property
    def version(self) -> str:
        """As in `3.19.0`; empty when there is no valgrind."""
        return trials.version_of("valgrind")

    @property
    def slowdown(self) -> float:
        """An upper figure: 20 to 50 is usual."""
        return _SLOWDOWN

    def available(self) -> str:
        """Empty when a small program ran under callgrind, else the reason and how to get it."""
        problem = trials.callgrind_problem()
        if not problem and not trials.symbolizer():
            return f"no addr2line on PATH: {install_line('binutils')}"
        return problem

    def run(
        self, command: Command, limits: Limits, runner: Runner, *, sources: Path, scratch: Path
    ) -> tuple[int, tuple[HotLine, ...], float]:
        """See :class:`~loopwright.profilers.profiler.Profiler`; a sample is one instruction.

        `limits` are those of the run under valgrind: widen the ones on time by `slowdown`. The address space
        is never limited, because valgrind reserves much of it.
        """
        if problem := self.available():
            raise ProfileFailed(problem)
        valgrind = str(shutil.which("valgrind"))
        with tempfile.TemporaryDirectory(prefix="callgrind-", dir=scratch) as name:
            folder = Path(name)
            slowed = replace(
                command,
                argv=(valgrind, *_FLAGS, f"--callgrind-out-file={folder}/out.%p", *_absolute(command)),
                writable=(*command.writable, folder),
            )
            done = runner.run(slowed, replace(limits, address_space_bytes=None))
            if not done.ok:
                printed = done.stderr.decode("utf-8", "replace")
                if _UNKNOWN_INSTRUCTION.search(printed):
                    raise ProfileFailed(
                        "valgrind does not know an instruction of this program (AVX-512?): "
                        "build it for profiling with -mno-avx512f"
                    )
                status = f"status {done.exit_code}" if done.signal is None else f"signal {done.signal}"
                raise ProfileFailed(
                    f"the profiled program failed: {done.ending}, {status} {done.message}".strip()
                )
            # A program that forks leaves one file a process.
            costs: Counter[tuple[str, int]] = Counter()
            for written in sorted(folder.glob("out.*")):
                costs.update(instruction_costs(_read(written)))
            if not costs:
                raise ProfileFailed("callgrind wrote no counts")
            own = {str(sources.absolute()), str(sources.resolve()), str(command.cwd)}
            program = os.path.realpath(command.cwd / command.argv[0])
            return _by_line(costs, program, own, runner, sources, folder)


def _by_line(
    costs: Counter[tuple[str, int]], program: str, own: set[str], runner: Runner, sources: Path, scratch: Path
) -> tuple[int, tuple[HotLine, ...], float]:
    # Lines come from our own symbolizer: valgrind's reader stumbles over newer DWARF, and knows of inlined
    # code only the header it stands in.
    folder = symbols.SourceFolder(sources)
    counts: Counter[symbols.Place] = Counter()
    for binary in {path for path, _ in costs}:
        if os.path.realpath(binary) != program and not symbols.within(binary, own):
            continue
        at = {address: cost for (path, address), cost in costs.items() if path == binary}
        found = symbols.places(Path(binary), at, runner, sources=folder, scratch=scratch)
        for address, place in found.items():
            counts[place] += at[address]
    total = costs.total()
    return total, *symbols.shares(counts, total)


def instruction_costs(written: str) -> Counter[tuple[str, int]]:
    """(binary, virtual address) to the times its instruction was executed. Pure.

    `written` is a file in callgrind's format version 1 (valgrind manual, "Callgrind Format
    Specification") with positions `instr line`, names and positions not compressed. The costs of calls
    are those of the callee, which stand at its own instructions: left out.
    """
    costs: Counter[tuple[str, int]] = Counter()
    binary = ""
    of_call = False
    for text in written.splitlines():
        match = _COST.match(text)
        if match is None:
            key, _, value = text.partition("=")
            if key == "ob":
                binary = value
            elif key == "calls":
                of_call = True
        elif of_call:
            of_call = False
        else:
            costs[binary, int(match["address"], 16)] += int(match["cost"])
    return costs


def _read(written: Path) -> str:
    """The text of a file from a folder in which the profiled program may have put anything."""
    if written.is_symlink() or not written.is_file() or written.stat().st_size > _LARGEST_BYTES:
        return ""
    return written.read_text(errors="replace")


def _absolute(command: Command) -> tuple[str, ...]:
    # valgrind searches PATH for a bare name; the program lies in the working folder.
    return (os.path.normpath(command.cwd / command.argv[0]), *command.argv[1:])
