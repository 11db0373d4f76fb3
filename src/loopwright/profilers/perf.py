"""perf: samples of the processor clock, which every kernel has; no hardware counter is needed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from loopwright.core.profile import HotLine
from loopwright.profilers import symbols
from loopwright.profilers.profiler import ProfileFailed
from loopwright.system.execution import Command, Limits, Runner
from loopwright.toolchains import trials
from loopwright.toolchains.install import install_line

_RATE, _LEAST_RATE, _RATE_OF_ALL = 999, 49, 16_000
_SCRIPT = ("script", "-f", "-F", "pid,ip,dso", "--show-mmap-events", "--show-task-events")

_SAMPLE = re.compile(r"^\s*(?P<pid>\d+)\s+(?P<ip>[0-9a-f]+)\s")
_MAPPED = re.compile(
    r"PERF_RECORD_MMAP2? (?P<pid>-?\d+)/-?\d+: "
    r"\[(?P<start>0x[0-9a-f]+|0)\((?P<size>0x[0-9a-f]+|0)\) @ (?P<offset>0x[0-9a-f]+|0)[^\]]*\]: "
    r"\S+ (?P<path>.+)$"
)
_FORKED = re.compile(r"PERF_RECORD_FORK\((?P<pid>\d+):\d+\):\((?P<parent>\d+):\d+\)")
_STARTED = re.compile(r"PERF_RECORD_COMM exec: .*:(?P<pid>\d+)/\d+$")


@dataclass(frozen=True)
class Samples:
    """Where the samples of one program fell: binary and offset in its file to a count, and elsewhere."""

    inside: Counter[tuple[str, int]] = field(default_factory=Counter)
    elsewhere: int = 0

    @property
    def total(self) -> int:
        """All samples of the program."""
        return self.inside.total() + self.elsewhere


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
        """Sampling a thousand times a second costs next to nothing."""
        return 1.05

    def available(self) -> str:
        """Empty when a sampled shell loop gave samples, else the reason and how to get it."""
        problem = trials.perf_event()[1]
        if not problem and not trials.symbolizer():
            return f"no addr2line on PATH: {install_line('binutils')}"
        return problem

    def run(
        self, command: Command, limits: Limits, runner: Runner, *, sources: Path, scratch: Path
    ) -> tuple[int, tuple[HotLine, ...], float]:
        """See :class:`~loopwright.profilers.profiler.Profiler`. Samples in libraries, in the kernel or on
        no known line of `sources` count as elsewhere.
        """
        event, problem = trials.perf_event()
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
                "-e",
                event,
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


def count(listing: str, program: Collection[str], folders: Collection[str]) -> Samples:
    """The samples of one program in what `perf script` printed, with mmap and task events. Pure.

    `program` are the names its executable may have. A process counts from the moment it has mapped that
    file: before, it was the sandbox. Its children count too. Offsets are kept for the program and for
    libraries that lie in `folders`.
    """
    samples = Samples()
    inside = samples.inside
    elsewhere = 0
    maps: dict[int, list[tuple[int, int, int, str]]] = {}
    active: set[int] = set()
    for line in listing.splitlines():
        if "PERF_RECORD_" not in line:
            match = _SAMPLE.match(line)
            if match is None or (pid := int(match["pid"])) not in active:
                continue
            place = _file_offset(maps.get(pid, []), int(match["ip"], 16))
            if place is not None and (place[0] in program or symbols.within(place[0], folders)):
                inside[place] += 1
            else:
                elsewhere += 1
        elif (match := _MAPPED.search(line)) is not None:
            pid, path = int(match["pid"]), match["path"]
            if path in program:
                active.add(pid)
            start = int(match["start"], 16)
            maps.setdefault(pid, []).append(
                (start, start + int(match["size"], 16), int(match["offset"], 16), path)
            )
        elif (match := _FORKED.search(line)) is not None:
            pid, parent = int(match["pid"]), int(match["parent"])
            if pid != parent:
                maps[pid] = list(maps.get(parent, []))
                if parent in active:
                    active.add(pid)
        elif (match := _STARTED.search(line)) is not None:
            maps[int(match["pid"])] = []
    return replace(samples, elsewhere=elsewhere)


def _rate() -> int:
    """Samples a second of each thread: a millisecond apart, fewer where many threads would fill memory."""
    return max(_LEAST_RATE, min(_RATE, _RATE_OF_ALL // (os.cpu_count() or 1)))


def _file_offset(maps: list[tuple[int, int, int, str]], ip: int) -> tuple[str, int] | None:
    for start, end, offset, path in reversed(maps):
        if start <= ip < end:
            return path, ip - start + offset
    return None


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
