"""Reading what a watched program left: the records of our runtime, and the errors of libomptarget 19."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODE = re.compile(r"^(?P<module>.+)\+(?P<offset>[0-9a-f]+)$")
_SECTION = re.compile(r"[\[(].*$")
_FATAL = re.compile(
    r"^(?P<path>[^\s:]+):(?P<line>\d+):\d+: omptarget fatal error \d+: (?P<what>.+)$", re.MULTILINE
)
_SAID = re.compile(r"^(?:omptarget (?:message|error): |AddressSanitizer: )(?P<what>.+)$", re.MULTILINE)
_ADDRESSES = re.compile(r"0x[0-9a-f]+")


@dataclass(frozen=True)
class Code:
    """A place in the machine code: the module ("program", an image, a library) and the offset in it."""

    module: str
    offset: int


@dataclass(frozen=True)
class Fault:
    """One fault that the runtime saw.

    Attributes:
        kind: "host-stale", "unmapped", ...: see :mod:`loopwright.gates.mapping_words`.
        variable: as in the clause, without its section.
        code: the access. other: what wrote the newest value, or allocated the memory.
        mapped_at: "file:line" of the list item. offset, size: the accessed byte and the mapped bytes.
        extra: "read" or "write", or the construct that did not copy back. ended_at: where the mapping ended.
    """

    kind: str
    variable: str
    code: Code | None
    other: Code | None
    mapped_at: str
    offset: int
    size: int
    extra: str
    ended_at: str


@dataclass(frozen=True)
class Copies:
    """The copies of one variable in one direction ("to" or "from" the device) by one construct, together."""

    way: str
    bytes: int
    times: int
    variable: str
    place: str


@dataclass(frozen=True)
class Launches:
    """How often the target region at `place` ran on the device, or was to run there and did not."""

    place: str
    times: int
    on_device: bool


@dataclass(frozen=True)
class Steps:
    """How often one place of the code was passed: accesses to memory, basic blocks."""

    on_device: bool
    accesses: int
    blocks: int
    code: Code | None


@dataclass(frozen=True)
class Trace:
    """One watched run. `complete`: the program came to its end, so that the counts are all there."""

    faults: tuple[Fault, ...] = ()
    copies: tuple[Copies, ...] = ()
    launches: tuple[Launches, ...] = ()
    steps: tuple[Steps, ...] = ()
    problems: tuple[str, ...] = ()
    complete: bool = False


def trace(text: str) -> Trace:
    """The records in `text`. Lines that are cut off or that nobody knows are passed over."""
    faults: list[Fault] = []
    copies: list[Copies] = []
    launches: list[Launches] = []
    steps: list[Steps] = []
    problems: list[str] = []
    complete = False
    for line in text.splitlines():
        match line.split("\t"):
            case ["fault", kind, name, code, other, mapped_at, offset, size, extra, ended_at]:
                faults.append(
                    Fault(kind, variable_of(name), _code(code), _code(other), mapped_at, int(offset),
                          int(size), extra, ended_at)
                )  # fmt: skip
            case ["copy", ("kernel" | "fallen") as way, _, times, _, place]:
                launches.append(Launches(_construct(place), int(times), way == "kernel"))
            case ["copy", way, size, times, name, place]:
                copies.append(Copies(way, int(size), int(times), variable_of(name), place))
            case ["steps", side, accesses, blocks, code]:
                steps.append(Steps(side == "device", int(accesses), int(blocks), _code(code)))
            case ["problem", what]:
                problems.append(what)
            case ["end"]:
                complete = True
    return Trace(
        tuple(faults), tuple(copies), tuple(launches), tuple(steps), tuple(problems), complete
    )  # fmt: skip


def errors(stderr: str) -> tuple[tuple[str, str, str], ...]:
    """(what, path, line) of each fatal error of libomptarget in `stderr`: what it said before, without
    addresses, since they differ from run to run.
    """
    found = []
    before = 0
    for match in _FATAL.finditer(stderr):
        said = [m["what"] for m in _SAID.finditer(stderr, before, match.start())]
        what = _ADDRESSES.sub("an address", said[0] if said else match["what"]).rstrip(".")
        found.append((what, match["path"], match["line"]))
        before = match.end()
    return tuple(found)


def variable_of(item: str) -> str:
    """The variable of a list item: "a" of "a[0:n]"."""
    return _SECTION.sub("", item).strip()


def _code(text: str) -> Code | None:
    match = _CODE.match(text)
    return Code(match["module"], int(match["offset"], 16)) if match else None


def _construct(place: str) -> str:
    """ "file:line" of ";file;function;line;column;;"."""
    parts = place.split(";")
    return f"{parts[1]}:{parts[3]}" if len(parts) > 4 else place
