"""From places in an executable to lines of the task's own sources, many at once."""

from __future__ import annotations

import bisect
import os
import re
import struct
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loopwright.core.profile import HotLine
from loopwright.profilers.profiler import ProfileFailed
from loopwright.system.execution import Command, Limits, Runner
from loopwright.toolchains import trials

TOOL_LIMITS = Limits(wall_s=120.0, output_bytes=512 << 20)
"""For the programs that read what the profiled program left behind: large outputs, never endless."""

_ADDRESS = re.compile(r"^0x[0-9a-f]+$")
_PLACE = re.compile(r"^(?P<file>.*):(?P<line>\d+|\?)(?: \(discriminator \d+\))?$")
_MARKS = re.compile(
    r"(?: \[clone [^\]]*\]|\._omp_fn\.\d+|[._]+omp_outlined\w*(?:\.\d+)*|"
    r"\.(?:isra|constprop|part|cold|lto_priv|llvm)(?:\.\d+)*)+$"
)
_LOADED = 1
_NEAR_BYTES = 32


@dataclass(frozen=True)
class Place:
    """A line of the task's sources. `file` is relative to their folder."""

    file: str
    line: int
    function: str


class SourceFolder:
    """Recognises which of the paths in debug information lie in one folder of sources."""

    def __init__(self, folder: Path) -> None:
        self._roots = tuple(dict.fromkeys((os.path.normpath(folder.absolute()), os.path.realpath(folder))))
        self._known: dict[str, str | None] = {}

    def relative(self, path: str) -> str | None:
        """`path` relative to the folder; None when it lies elsewhere. A relative path counts from it."""
        if path not in self._known:
            self._known[path] = self._relative(path)
        return self._known[path]

    def _relative(self, path: str) -> str | None:
        whole = os.path.normpath(Path(self._roots[0], path))
        for root in self._roots:
            if whole.startswith(root + os.sep):
                return whole[len(root) + 1 :]
        return None


def within(path: str, folders: Collection[str]) -> bool:
    """Whether `path` lies in one of `folders`, by its text."""
    return any(path.startswith(folder.rstrip("/") + "/") for folder in folders)


def places(
    binary: Path, addresses: Iterable[int], runner: Runner, *, sources: SourceFolder, scratch: Path
) -> dict[int, Place]:
    """The line for each of these virtual addresses in `binary` that belongs to `sources`.

    Of code inlined from elsewhere (a system header) the line that it was inlined into counts. An
    instruction that the compiler gave no line, because it serves several, gets that of the nearest one.
    Addresses without such a line are left out. The symbolizer reads a file that nobody has vetted, so it
    runs through `runner` like the program itself.

    Raises:
        ProfileFailed: when there is no symbolizer or it does not answer.
    """
    asked = sorted(set(addresses))
    if not asked:
        return {}
    tool = trials.symbolizer()
    if not tool:
        raise ProfileFailed("no addr2line on PATH (package binutils)")
    command = Command(
        argv=(tool, "-a", "-i", "-f", "-C", "-e", str(binary)),
        cwd=scratch,
        env={"LC_ALL": "C"},
        stdin="".join(f"{address:#x}\n" for address in asked).encode(),
        readable=(binary,),
    )
    done = runner.run(command, TOOL_LIMITS)
    if not done.ok:
        raise ProfileFailed(f"{Path(tool).name} failed: {_tail(done.stderr) or done.message or done.ending}")
    frames = parse_addr2line(done.stdout.decode("utf-8", "replace"))
    inside = {a: p for a in asked if (p := _first_inside(frames.get(a, ()), sources)) is not None}
    known = [address for address, place in inside.items() if place.line]
    return {a: p for a, place in inside.items() if (p := place if place.line else _nearest(a, known, inside))}


def addresses_of(binary: Path, offsets: Iterable[int]) -> dict[int, int]:
    """File offset to virtual address, for those offsets that a segment of the ELF file `binary` loads."""
    segments = tuple(_segments(binary))
    return {o: address for o in offsets if (address := _address(segments, o)) is not None}


def plain_name(function: str) -> str:
    """The name of `function` as its author wrote it: no parameters, no marks of clones and outlined regions.

    `kick(std::vector<Body>&, double) [clone .isra.0]` is `kick`, `main._omp_fn.0` is `main`.
    """
    name = _MARKS.sub("", function)
    name = name.removesuffix(" const")
    if name.endswith(")"):
        depth = 0
        for at in range(len(name) - 1, 0, -1):
            depth += {")": 1, "(": -1}.get(name[at], 0)
            if depth == 0:
                return name[:at] if not name[:at].endswith("operator") else name
    return name


def _nearest(address: int, known: Sequence[int], inside: Mapping[int, Place]) -> Place | None:
    at = bisect.bisect(known, address)
    nearest = min(known[max(at - 1, 0) : at + 1], key=lambda other: abs(other - address), default=None)
    return inside[nearest] if nearest is not None and abs(nearest - address) <= _NEAR_BYTES else None


def parse_addr2line(printed: str) -> Mapping[int, Sequence[tuple[str, str, int]]]:
    """What `addr2line -a -i -f` printed: address to (function, file, line), the innermost frame first.

    A line that is not known is 0.
    """
    frames: dict[int, list[tuple[str, str, int]]] = {}
    current: list[tuple[str, str, int]] = []
    function: str | None = None
    for line in printed.splitlines():
        if function is None and _ADDRESS.match(line):
            current = frames.setdefault(int(line, 16), [])
        elif function is None:
            function = line
        else:
            match = _PLACE.match(line)
            if match is not None:
                line_number = 0 if match["line"] == "?" else int(match["line"])
                current.append((plain_name(function), match["file"], line_number))
            function = None
    return frames


def shares(counts: Counter[Place], total: int) -> tuple[tuple[HotLine, ...], float]:
    """Lines by falling share of `total`, each once, and the share that fell on none of them."""
    lines: Counter[tuple[str, int]] = Counter()
    functions: dict[tuple[str, int], Counter[str]] = {}
    for place, n in counts.items():
        key = (place.file, place.line)
        lines[key] += n
        functions.setdefault(key, Counter())[place.function] += n
    hot = tuple(
        HotLine(file, line, n / total, functions[file, line].most_common(1)[0][0])
        for (file, line), n in sorted(lines.items(), key=lambda item: (-item[1], item[0]))
    )
    return hot, (total - lines.total()) / total


def _first_inside(frames: Sequence[tuple[str, str, int]], sources: SourceFolder) -> Place | None:
    for function, file, line in frames:
        relative = sources.relative(file)
        if relative is not None:
            return Place(relative, line, function)
    return None


def _segments(binary: Path) -> Iterator[tuple[int, int, int]]:
    """(offset in the file, size in the file, virtual address) of each loaded segment of an ELF file."""
    try:
        with binary.open("rb") as file:
            header = file.read(64)
            if header[:4] != b"\x7fELF" or header[4] != 2:
                return
            order = "<" if header[5] == 1 else ">"
            table, entry_size, entries = (
                struct.unpack_from(order + "Q", header, 32)[0],
                *struct.unpack_from(order + "HH", header, 54),
            )
            file.seek(table)
            for _ in range(entries):
                kind, _flags, offset, address, _, size = struct.unpack_from(
                    order + "IIQQQQ", file.read(entry_size)
                )
                if kind == _LOADED:
                    yield offset, size, address
    except (OSError, struct.error, OverflowError, ValueError):
        return


def _address(segments: Sequence[tuple[int, int, int]], offset: int) -> int | None:
    return next(
        (offset - start + address for start, size, address in segments if start <= offset < start + size),
        None,
    )


def _tail(printed: bytes) -> str:
    lines = printed.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
