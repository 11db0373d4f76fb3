"""From places in an executable to lines of the task's own sources, many at once."""

from __future__ import annotations

import os
import re
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loopwright.profilers.profiler import ProfileFailed
from loopwright.system.execution import Command, Limits, Runner

TOOL_LIMITS = Limits(wall_s=120.0, output_bytes=512 << 20)
"""For the programs that read what the profiled program left behind: large outputs, never endless."""

_ADDRESS = re.compile(r"^0x[0-9a-f]+$")
_PLACE = re.compile(r"^(?P<file>.*):(?P<line>\d+|\?)(?: \(discriminator \d+\))?$")
_LOADED = 1


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


def symbolizer() -> str:
    """The addr2line, of binutils or LLVM, that is on PATH; empty when there is none."""
    return _symbolizer(os.environ.get("PATH", ""))


@cache
def _symbolizer(search_path: str) -> str:
    names = ["addr2line", "llvm-addr2line", *(f"llvm-addr2line-{n}" for n in range(25, 11, -1))]
    return next((found for name in names if (found := shutil.which(name, path=search_path))), "")


def places(
    binary: Path, offsets: Iterable[int], runner: Runner, *, sources: SourceFolder, scratch: Path
) -> dict[int, Place]:
    """The line for each of these file offsets into `binary` that belongs to `sources`.

    Of code inlined from elsewhere (a system header) the line that it was inlined into counts. Offsets
    without such a line are left out. The symbolizer reads a file that nobody has vetted, so it runs
    through `runner` like the program itself.

    Raises:
        ProfileFailed: when there is no symbolizer or it does not answer.
    """
    segments = tuple(_segments(binary))
    address_of = {
        offset: address for offset in offsets if (address := _address(segments, offset)) is not None
    }
    if not address_of:
        return {}
    tool = symbolizer()
    if not tool:
        raise ProfileFailed("no addr2line on PATH (package binutils)")
    addresses = sorted(set(address_of.values()))
    command = Command(
        argv=(tool, "-a", "-i", "-f", "-C", "-e", str(binary)),
        cwd=scratch,
        env={"LC_ALL": "C"},
        stdin="".join(f"{address:#x}\n" for address in addresses).encode(),
        readable=(binary,),
    )
    done = runner.run(command, TOOL_LIMITS)
    if not done.ok:
        raise ProfileFailed(f"{Path(tool).name} failed: {_tail(done.stderr) or done.message or done.ending}")
    frames = parse_addr2line(done.stdout.decode("utf-8", "replace"))
    found = {address: _first_inside(frames.get(address, ()), sources) for address in addresses}
    return {offset: place for offset, address in address_of.items() if (place := found[address]) is not None}


def parse_addr2line(printed: str) -> Mapping[int, Sequence[tuple[str, str, int]]]:
    """What `addr2line -a -i -f` printed: address to (function, file, line), the innermost frame first.

    Frames whose line is not known are left out.
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
            if match is not None and match["line"] not in ("?", "0"):
                current.append((function, match["file"], int(match["line"])))
            function = None
    return frames


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
