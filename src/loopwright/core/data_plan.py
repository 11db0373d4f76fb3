"""What has to move between a host and a device, derived from the source: the data plan.

Sizes and counts are C text over variables of the program, made of whole numbers, names, `+ - *` and
parentheses only, so that :func:`value_of` computes them once the variables have values. Lines are 1-based;
byte offsets count in the file as it was read. What is not known is None or listed with its reason, and
is not planned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from loopwright.core.errors import TaskError
from loopwright.core.expressions import evaluate_int, names_in


class Direction(StrEnum):
    """The map type of an array at its region (OpenMP 5.2, section 5.8.3)."""

    TO = "to"
    FROM = "from"
    TOFROM = "tofrom"
    ALLOC = "alloc"

    @property
    def goes_in(self) -> bool:
        """Whether the host's content is copied to the device where the region opens."""
        return self in (Direction.TO, Direction.TOFROM)

    @property
    def comes_out(self) -> bool:
        """Whether the device's content is copied to the host where the region closes."""
        return self in (Direction.FROM, Direction.TOFROM)


class Side(StrEnum):
    """Where a piece of code runs."""

    HOST = "host"
    DEVICE = "device"


class LoopClass(StrEnum):
    """What becomes of a loop."""

    PARALLEL = "parallel"
    """Goes to the device: no iteration needs another one."""
    REDUCTION = "reduction"
    """Goes to the device: iterations meet only in values that are combined."""
    AROUND = "around"
    """Stays on the host and starts the device loops inside of it: the time loop of a solver."""
    INSIDE = "inside"
    """Runs within an iteration of a loop that goes to the device."""
    HOST = "host"
    """Stays on the host."""


class Placement(StrEnum):
    """How an array gets its place on the device."""

    DATA_REGION = "data-region"
    """`target data` around everything that uses it."""
    ENTER_EXIT = "enter-exit"
    """`target enter data` and `exit data`: its device life does not fit into one block."""
    RESIDENT = "device-resident"
    """Scratch: it lives on the device alone and never moves."""
    PER_LOOP = "per-loop"
    """Mapped by the device loop itself, each time that this runs: results of reductions, lone loops."""


@dataclass(frozen=True)
class Span:
    """Whole statements of one file: lines `line` to `end_line`, bytes [start, end)."""

    file: str
    line: int
    end_line: int
    start: int
    end: int


@dataclass(frozen=True)
class Use:
    """A line that reads or writes an array, and on which side this runs under the plan."""

    line: int
    side: Side
    reads: bool = False
    writes: bool = False


@dataclass(frozen=True)
class Transfer:
    """One planned copy of an array in one direction.

    Attributes:
        times: how often for one entry of the region, as "1" or "steps"; None when not known.
        bytes: of one copy; None when not known.
        line: the region's first or last line, the loop that maps it, or the host code that needs an update.
        reason: in words for people. exact: False when `times` is only the most that it can be.
    """

    times: str | None
    bytes: str | None
    line: int
    reason: str
    exact: bool = True


@dataclass(frozen=True)
class Update:
    """A `target update` that the plan needs: `to` after host code wrote, `from` before host code reads.

    It belongs directly before (`from`) or after (`to`) the statement at `span`.
    """

    direction: Direction
    span: Span
    reason: str


@dataclass(frozen=True)
class ArrayPlan:
    """One array (or the scalar result of a reduction) of a region.

    Attributes:
        name: as the program writes it. item: the list item for a clause, as in "a[0:n * m]", "t" or "sum".
        function, file, line: where it is declared; function is "" for a global.
        dtype: C spelling of an element; element_bytes: its size.
        elements: how many are mapped, C text; None when not known. extent_from: where that is known
            from, in words ("the task states the shape", "declared", "malloc at line 12", "the accesses").
        uses: who reads and writes it where. direction: of its mapping.
        lifetime: the loop or the statements that hold all its device uses; the region may open anywhere from
            `open_after` (line of the last host write or of its declaration before) to the lifetime's start,
            and close anywhere from its end to `close_before` (line of the first host use behind, 0: the
            end of the function).
        to_device, from_device: copies expected for one entry of the region.
        updates: copies in the middle. scratch: its content never crosses.
        swapped_with: arrays whose pointers it trades places with inside of the region.
        placement, reason: how it gets to the device, and why so, in words.
        scalar: one value, not an array.
    """

    name: str
    item: str
    function: str
    file: str
    line: int
    dtype: str
    element_bytes: int
    elements: str | None
    extent_from: str
    uses: tuple[Use, ...]
    direction: Direction
    lifetime: Span
    open_after: int
    close_before: int
    to_device: tuple[Transfer, ...]
    from_device: tuple[Transfer, ...]
    placement: Placement
    reason: str
    updates: tuple[Update, ...] = ()
    scratch: bool = False
    swapped_with: tuple[str, ...] = ()
    scalar: bool = False

    @property
    def bytes(self) -> str | None:
        """Size of the mapped part in bytes, C text; None when not known."""
        return None if self.elements is None else product(str(self.element_bytes), self.elements)


@dataclass(frozen=True)
class LoopPlan:
    """What becomes of one loop, and why. `launches`: how often it runs for one entry of the region.

    `reductions` are (operator, name) of the values that its iterations combine.
    """

    span: Span
    function: str
    variable: str
    kind: LoopClass
    reason: str
    launches: str | None = None
    arrays: tuple[str, ...] = ()
    reductions: tuple[tuple[str, str], ...] = ()

    @property
    def on_device(self) -> bool:
        """Whether it becomes a target region of its own."""
        return self.kind in (LoopClass.PARALLEL, LoopClass.REDUCTION)


@dataclass(frozen=True)
class NotPlanned:
    """Something that was left out of the plan, and why. `line` is 0 when there is no one place."""

    what: str
    reason: str
    file: str
    line: int


@dataclass(frozen=True)
class RegionPlan:
    """One `target data` region: whole statements of one block, that share the arrays on the device.

    `span` may be put into braces behind the directive: nothing declared in it is needed after it, and no jump
    leaves it; not when `structured` is False: then `target enter data` goes before and `exit data` behind it.
    `is_one_loop`: it is exactly the loop `loops[0]`. `entries`: how often it is entered in a run
    of the program, or for one call of the kernel; None when not known.
    """

    function: str
    span: Span
    loops: tuple[LoopPlan, ...]
    arrays: tuple[ArrayPlan, ...]
    reason: str
    entries: str | None = None
    is_one_loop: bool = False
    structured: bool = True

    @property
    def mapped(self) -> tuple[ArrayPlan, ...]:
        """The arrays that the region's own directives map."""
        return tuple(a for a in self.arrays if a.placement is not Placement.PER_LOOP)

    @property
    def device_loops(self) -> tuple[LoopPlan, ...]:
        """The loops that become target regions, in source order."""
        return tuple(loop for loop in self.loops if loop.on_device)


@dataclass(frozen=True)
class SizeVariable:
    """A variable that sizes are made of. `argument`: the command-line argument it is read from, from 1."""

    name: str
    argument: int | None = None
    default: int | None = None
    """Its value when the argument is missing, or when it is a constant."""


@dataclass(frozen=True)
class DataPlan:
    """The data plan of a task: its regions in source order, and what was not planned, with why."""

    regions: tuple[RegionPlan, ...] = ()
    unknowns: tuple[NotPlanned, ...] = ()
    variables: tuple[SizeVariable, ...] = ()
    schema: int = 1


@dataclass(frozen=True)
class Expected:
    """What one array moves in one entry of its region, in bytes; None when the plan does not know.

    `exact` is False when the numbers are only the most that the plan allows.
    """

    array: str
    function: str
    line: int
    to_bytes: int | None
    from_bytes: int | None
    to_times: int | None
    from_times: int | None
    exact: bool = True


def product(first: str, second: str) -> str:
    """The text of first * second, with the parentheses that it needs; factors of 1 are left out."""
    if first == "1":
        return second
    if second == "1":
        return first
    return f"{_factor(first)} * {_factor(second)}"


def _factor(text: str) -> str:
    return f"({text})" if re.search(r"[^\w\s*.>-]|[+]|(?<!^)-(?!>)", text) else text


def value_of(text: str, values: Mapping[str, int]) -> int:
    """The value of a size or a count of a plan. `values` are by the text of the variable, as "n" or "g->n".

    Raises:
        TaskError: when a variable has no value, or the text is not such an expression.
    """
    names = {}
    for number, name in enumerate(sorted(values, key=len, reverse=True)):
        if not name.isidentifier():
            held = f"held_{number}"
            text = re.sub(rf"(?<![\w.>]){re.escape(name)}(?!\w)", held, text)
            names[held] = values[name]
        else:
            names[name] = values[name]
    return evaluate_int(text, names)


def variables_of(text: str) -> frozenset[str]:
    """The names that a size is made of, members such as g->n by their whole path."""
    held = {
        f"held_{n}": path for n, path in enumerate(sorted(set(_PATH.findall(text)), key=len, reverse=True))
    }
    for name, path in held.items():
        text = text.replace(path, name)
    return frozenset(held.get(name, name) for name in names_in(text))


_PATH = re.compile(r"[A-Za-z_]\w*(?:(?:->|\.)[A-Za-z_]\w*)+")


def expected(region: RegionPlan, values: Mapping[str, int]) -> tuple[Expected, ...]:
    """What each array of `region` moves in one entry of it, once the variables have `values`."""
    found = []
    for array in region.arrays:
        there, back = _sum(array.to_device, values), _sum(array.from_device, values)
        exact = all(t.exact for t in (*array.to_device, *array.from_device))
        found.append(
            Expected(array.name, region.function, array.line, there[0], back[0], there[1], back[1], exact)
        )
    return tuple(found)


def _sum(transfers: tuple[Transfer, ...], values: Mapping[str, int]) -> tuple[int | None, int | None]:
    """Bytes and number of some copies together."""
    bytes_: int | None = 0
    times: int | None = 0
    for transfer in transfers:
        count = known_value(transfer.times, values)
        size = known_value(transfer.bytes, values)
        times = None if times is None or count is None else times + count
        bytes_ = None if bytes_ is None or count is None or size is None else bytes_ + count * size
    return bytes_, times


def known_value(text: str | None, values: Mapping[str, int]) -> int | None:
    """The value of a size or count of a plan, at least 0; None when it is not known."""
    if text is None:
        return None
    try:
        return max(0, value_of(text, values))
    except TaskError:
        return None
