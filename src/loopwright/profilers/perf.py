"""perf: samples of the processor clock, which every kernel has; no hardware counter is needed.

With each sample the top of the stack is kept, so that time in a library is that of the line that called it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from loopwright.core.profile import HotLine
from loopwright.profilers import symbols
from loopwright.profilers.perf_listing import Samples, count
from loopwright.profilers.profiler import ProfileFailed
from loopwright.system.execution import Command, Limits, Runner
from loopwright.toolchains import trials
from loopwright.toolchains.install import install_line

_RATE, _LEAST_RATE, _RATE_OF_ALL = 999, 49, 4000
# The callers, sixteen of them, are what is read of the many that may be there: libraries are not deep.
_SCRIPT = ("script", "-f", "-F", "pid,ip,dso", "--no-inline", "--max-stack", "16", "--show-mmap-events",
           "--show-task-events")  # fmt: skip


@dataclass(frozen=True)
class Perf:
    """Sampling by `perf record -e cpu-clock`. Sees every thread of the program, and no other process."""

    @property
    def name(self) -> str:
        """Always `perf`."""
        return "perf"

    @property
    def version(self) -> str:
        """As in `6.1.192`; empty when there is no perf."""
        return trials.version_of("perf")

    @property
    def slowdown(self) -> float:
        """Sampling a thousand times a second, with a kilobyte of the stack, costs next to nothing."""
        return 1.05

    def available(self) -> str:
        """Empty when a sampled shell loop gave samples, else the reason and how to get it."""
        problem = trials.perf_sampling()[1]
        if not problem and not trials.symbolizer():
            return f"no addr2line on PATH: {install_line('binutils')}"
        return problem

    def run(
        self, command: Command, limits: Limits, runner: Runner, *, sources: Path, scratch: Path
    ) -> tuple[int, tuple[HotLine, ...], float]:
        """See :class:`~loopwright.profilers.profiler.Profiler`. Samples in libraries and in the kernel count
        for the line of `sources` that called them; those without such a line count as elsewhere.
        """
        sampling, problem = trials.perf_sampling()
        if problem:
            raise ProfileFailed(problem)
        perf = str(shutil.which("perf"))
        with tempfile.TemporaryDirectory(prefix="perf-", dir=scratch) as name:
            folder = Path(name)
            data = folder / "perf.data"
            wrap = (
                perf,
                *trials.PERF_RECORD,
                "-F",
                str(_rate()),
                *sampling,
                "-o",
                str(data),
                "--",
                *command.wrap,
            )
            done = runner.run(replace(command, wrap=wrap), limits)
            if not done.ok:
                status = f"status {done.exit_code}" if done.signal is None else f"signal {done.signal}"
                raise ProfileFailed(
                    f"the profiled program failed: {done.ending}, {status} {done.message}".strip()
                )
            listing = Command(
                argv=(perf, *_SCRIPT, "-i", str(data)),
                cwd=folder,
                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
            )
            listed = runner.run(listing, symbols.TOOL_LIMITS)
            if not listed.ok:
                raise ProfileFailed(f"perf script failed: {listed.stderr.decode('utf-8', 'replace')[-300:]}")
            program = Path(os.path.normpath(command.cwd / command.argv[0]))
            samples = count(
                listed.stdout.decode("utf-8", "replace"),
                {str(program), str(program.resolve())},
                (str(sources.absolute()), str(sources.resolve()), str(command.cwd)),
            )
            if samples.total == 0:
                raise ProfileFailed(
                    f"{program.name} ended before the first sample ({done.wall_s:.3f} s): "
                    "profile a longer case"
                )
            return _by_line(samples, runner, sources, folder)


def _rate() -> int:
    """Samples a second of each thread: a millisecond apart, fewer where many threads would fill memory."""
    return max(_LEAST_RATE, min(_RATE, _RATE_OF_ALL // (os.cpu_count() or 1)))


def _by_line(
    samples: Samples, runner: Runner, sources: Path, scratch: Path
) -> tuple[int, tuple[HotLine, ...], float]:
    folder = symbols.SourceFolder(sources)
    counts: Counter[symbols.Place] = Counter()
    for binary in {path for path, _ in samples.inside}:
        offsets = {offset: n for (path, offset), n in samples.inside.items() if path == binary}
        address_of = symbols.addresses_of(Path(binary), offsets)
        found = symbols.places(Path(binary), address_of.values(), runner, sources=folder, scratch=scratch)
        for offset, n in offsets.items():
            if (place := found.get(address_of.get(offset, -1))) is not None:
                counts[place] += n
    return samples.total, *symbols.shares(counts, samples.total)
