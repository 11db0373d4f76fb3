"""What `perf script` prints, as counts of places in a program's own files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from loopwright.profilers import symbols

_FRAME = re.compile(r"^\s*(?P<ip>[0-9a-f]+) \((?P<file>.*)\)$")
_SAMPLE = re.compile(r"^\s*(?P<pid>\d+)(?:\s+(?P<ip>[0-9a-f]+) \((?P<file>.*)\))?\s*$")
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
class _Frame:
    """One frame of a sample: the number that perf printed, and the offset in `file` if it is an address."""

    file: str
    printed: int
    offset: int | None


def count(listing: str, program: Collection[str], folders: Collection[str]) -> Samples:
    """The samples of one program in what `perf script` printed, with mmap and task events. Pure.

    `program` are the names its executable may have. A process counts from the moment it has mapped that
    file: before, it was the sandbox. Its children count too. Offsets are kept for the program and for
    libraries that lie in `folders`. A sample with its callers counts for the innermost of them that lies
    there: the place that called the library in which the time went.
    """
    found: Counter[_Frame] = Counter()
    elsewhere = 0
    for frames in _samples(listing, program):
        own = next((f for f in frames if f.file in program or symbols.within(f.file, folders)), None)
        if own is None:
            elsewhere += 1
        else:
            found[own] += 1
    # Without callers perf prints addresses; with them, since version 5, offsets in the mapped file.
    addresses = all(frame.offset is not None for frame in found)
    inside: Counter[tuple[str, int]] = Counter()
    for frame, n in found.items():
        inside[frame.file, frame.offset if addresses and frame.offset is not None else frame.printed] += n
    return Samples(inside, elsewhere)


def _samples(listing: str, program: Collection[str]) -> Iterator[list[_Frame]]:
    """The frames of each sample of `program`, the innermost first."""
    processes = _Processes(program)
    pid, frames = -1, list[_Frame]()
    for line in listing.splitlines():
        if (frame := _FRAME.match(line)) is not None:
            frames.append(processes.frame(pid, frame["file"], int(frame["ip"], 16)))
            continue
        if pid in processes.active:
            yield frames
        pid, frames = -1, []
        if "PERF_RECORD_" in line:
            processes.note(line)
        elif (sample := _SAMPLE.match(line)) is not None:
            pid = int(sample["pid"])
            if sample["ip"]:
                frames.append(processes.frame(pid, sample["file"], int(sample["ip"], 16)))
    if pid in processes.active:
        yield frames


class _Processes:
    """What each process has mapped where, and which of them run the program."""

    def __init__(self, program: Collection[str]) -> None:
        self.active: set[int] = set()
        self._program = program
        self._maps: dict[int, list[tuple[int, int, int, str]]] = {}

    def note(self, event: str) -> None:
        """Take in one line of `perf script --show-mmap-events --show-task-events`."""
        if (match := _MAPPED.search(event)) is not None:
            pid, path = int(match["pid"]), match["path"]
            if path in self._program:
                self.active.add(pid)
            start = int(match["start"], 16)
            end = start + int(match["size"], 16)
            self._maps.setdefault(pid, []).append((start, end, int(match["offset"], 16), path))
        elif (match := _FORKED.search(event)) is not None:
            pid, parent = int(match["pid"]), int(match["parent"])
            if pid != parent:
                self._maps[pid] = list(self._maps.get(parent, []))
                if parent in self.active:
                    self.active.add(pid)
        elif (match := _STARTED.search(event)) is not None:
            self._maps[int(match["pid"])] = []

    def frame(self, pid: int, file: str, printed: int) -> _Frame:
        """The frame that perf printed as `printed (file)` for process `pid`."""
        for start, end, offset, path in reversed(self._maps.get(pid, [])):
            if start <= printed < end and path == file:
                return _Frame(file, printed, printed - start + offset)
        return _Frame(file, printed, None)
