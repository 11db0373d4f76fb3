"""The data plan of a task as lines of a prompt: what moves for which loops, how often, and why."""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.core.data_plan import ArrayPlan, DataPlan, RegionPlan
from loopwright.core.task import Task
from loopwright.gates.offloaded_plan import plan_of

_MOST_UNPLANNED = 12


def data_plan_lines(task: Task) -> str:
    """The plan of the original of `task`; what could not be planned, and why, is part of it."""
    return "\n".join(_lines(plan_of(task)))


def _lines(plan: DataPlan) -> Iterator[str]:
    for region in plan.regions:
        yield from _region(region)
    if not plan.regions:
        yield "no loop was proved to be fit for a device as it stands"
    for left in plan.unknowns[:_MOST_UNPLANNED]:
        place = f"{left.file}:{left.line} " if left.file else ""
        yield f"not planned: {place}{left.what}: {left.reason}"


def _region(region: RegionPlan) -> Iterator[str]:
    span = region.span
    often = f"entered {region.entries} times" if region.entries else "entered an unknown number of times"
    yield f"{span.file}:{span.line}-{span.end_line} in {region.function}, {often}: {region.reason}"
    for loop in region.device_loops:
        starts = f", started {loop.launches} times" if loop.launches else ""
        yield f"  on the device: loop over {loop.variable} at {loop.span.file}:{loop.span.line}{starts}"
    for array in region.mapped:
        yield f"  map({array.direction.value}: {array.item}): {_why(array)}"
        for update in array.updates:
            yield f"    target update {update.direction} at line {update.span.line}: {update.reason}"


def _why(array: ArrayPlan) -> str:
    copies = [
        f"{transfer.bytes} bytes {way}, {transfer.times or 'an unknown number of'} times"
        for way, transfers in (("in", array.to_device), ("out", array.from_device))
        for transfer in transfers
    ]
    return "; ".join([*copies, array.reason])
