"""Planned and moved bytes of each array side by side. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loopwright.core.data_plan import DataPlan, expected, known_value
from loopwright.core.data_values import size_values
from loopwright.core.task import Case, Task
from loopwright.gates.reports_omptarget import Copies

SLACK = 0.1
SLACK_BYTES = 256
"""More than planned is what exceeds the plan by both: scalars that are copied along are not."""
_SCALAR_BYTES = 64


@dataclass(frozen=True)
class Movement:
    """One array in one direction, over a whole run.

    Attributes:
        way: "to" or "from" the device. planned_bytes, planned_times: None when the plan does not know them;
            0 for what is not in the plan. exact: the plan is not only the most that it can be.
        places: "file:line" of the constructs that copied it. region: where the plan has its region.
    """

    array: str
    way: str
    planned_bytes: int | None
    moved_bytes: int
    planned_times: int | None
    moved_times: int
    places: tuple[str, ...] = ()
    region: str = ""
    exact: bool = True

    @property
    def is_scalar(self) -> bool:
        """Whether single values were copied, not arrays."""
        return self.moved_times > 0 and self.moved_bytes <= _SCALAR_BYTES * self.moved_times

    def exceeds(self, more_bytes: int = 0) -> bool:
        """Whether more was moved than was planned and `more_bytes`, beyond the slack."""
        if self.planned_bytes is None or self.is_scalar:
            return False
        return self.moved_bytes > (self.planned_bytes + more_bytes) * (1 + SLACK) + SLACK_BYTES

    def __str__(self) -> str:
        planned = "an unknown number of" if self.planned_bytes is None else f"{self.planned_bytes}"
        direction = "to the device" if self.way == "to" else "back to the host"
        at = f" at {', '.join(self.places)}" if self.places else ""
        return (
            f"{self.array} {direction}: {self.moved_bytes} bytes in {_copies(self.moved_times)}{at}, "
            f"planned {planned} bytes in {_copies(self.planned_times)}"
        )


def movements(plan: DataPlan, task: Task, case: Case, copies: Iterable[Copies]) -> tuple[Movement, ...]:
    """What `plan` expects in `case` of `task` and what was copied: all arrays, planned ones first."""
    values = size_values(plan, task, case)
    planned: dict[tuple[str, str], Movement] = {}
    for region in plan.regions:
        entries = known_value(region.entries, values)
        where = f"{region.span.file}:{region.span.line}"
        for array in expected(region, values):
            for way, size, times in (
                ("to", array.to_bytes, array.to_times),
                ("from", array.from_bytes, array.from_times),
            ):
                before = planned.get((array.array, way))
                planned[array.array, way] = Movement(
                    array.array,
                    way,
                    _added(before.planned_bytes if before else 0, size, entries),
                    0,
                    _added(before.planned_times if before else 0, times, entries),
                    0,
                    region=before.region if before else where,
                    exact=array.exact and (before is None or before.exact),
                )
    moved: dict[tuple[str, str], list[Copies]] = {}
    for copy in copies:
        moved.setdefault((copy.variable, copy.way), []).append(copy)
    keys = [*planned, *(key for key in moved if key not in planned)]
    return tuple(_joined(planned.get(key), key, moved.get(key, [])) for key in keys)


def excess(found: Iterable[Movement]) -> tuple[Movement, ...]:
    """Those that moved more than planned. Under a name that the plan does not have, an array may move what
    the plan has for arrays that did not: it may have been renamed.
    """
    listed = tuple(found)
    over = [m for m in listed if m.region and m.exceeds()]
    for way in ("to", "from"):
        strangers = [m for m in listed if m.way == way and not m.region and not m.is_scalar]
        known = [m for m in listed if m.way == way and m.region]
        if any(m.planned_bytes is None for m in known):
            continue
        left = sum(max(0, (m.planned_bytes or 0) - m.moved_bytes) for m in known)
        for stranger in sorted(strangers, key=lambda m: m.moved_bytes):
            if stranger.exceeds(left):
                over.append(stranger)
            else:
                left = max(0, left - stranger.moved_bytes)
    return tuple(sorted(over, key=lambda m: -m.moved_bytes))


def table(found: Iterable[Movement]) -> str:
    """The movements as lines of text with columns: array, direction, planned bytes, moved bytes, copies."""
    rows = [("array", "way", "planned bytes", "moved bytes", "planned copies", "copies")]
    for m in found:
        if m.planned_bytes or m.moved_bytes or m.planned_bytes is None:
            bound = "" if m.exact else "<= "
            rows.append(
                (m.array, m.way, bound + _number(m.planned_bytes), str(m.moved_bytes),
                 bound + _number(m.planned_times), str(m.moved_times))
            )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _joined(planned: Movement | None, key: tuple[str, str], copies: list[Copies]) -> Movement:
    base = planned or Movement(key[0], key[1], 0, 0, 0, 0)
    return Movement(
        base.array,
        base.way,
        base.planned_bytes,
        sum(copy.bytes for copy in copies),
        base.planned_times,
        sum(copy.times for copy in copies),
        tuple(dict.fromkeys(copy.place for copy in copies if copy.place)),
        base.region,
        base.exact,
    )


def _added(before: int | None, one: int | None, entries: int | None) -> int | None:
    return None if before is None or one is None or entries is None else before + one * entries


def _copies(times: int | None) -> str:
    if times is None:
        return "an unknown number of copies"
    return f"{times} cop{'y' if times == 1 else 'ies'}"


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)
