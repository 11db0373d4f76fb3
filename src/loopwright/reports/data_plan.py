"""The data plan as a page that people read: what goes to the device, what moves for it, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loopwright.core.data_plan import (
    ArrayPlan,
    DataPlan,
    Expected,
    LoopClass,
    LoopPlan,
    RegionPlan,
    Side,
    Transfer,
    expected,
)
from loopwright.core.data_values import size_values
from loopwright.core.task import Case, Task, Use

_KINDS = {
    LoopClass.PARALLEL: ("green", "device"),
    LoopClass.REDUCTION: ("green", "device"),
    LoopClass.AROUND: ("cyan", "host, around"),
    LoopClass.INSIDE: ("dim", "inside"),
    LoopClass.HOST: ("yellow", "host"),
}
_MANY = 96
"""Characters of a reason; the rest of a long one is in `--json`."""


def print_plan(task: Task, plan: DataPlan) -> None:
    """Every region with its loops and arrays, and what was not planned, with the reasons."""
    console = Console(highlight=False, soft_wrap=True)
    case = _shown_case(task)
    values = size_values(plan, task, case) if case is not None else {}
    for region in plan.regions:
        _print_region(console, task, region, case, values)
    if not plan.regions:
        console.print("no loop of the editable sources can go to a device as it stands")
    if plan.unknowns:
        console.print("\n[bold]Not planned[/bold]")
        for left in plan.unknowns:
            place = f"{left.file}:{left.line}" if left.file else ""
            console.print(escape(f"  {place} {left.what}: {_short(left.reason)}"), style="dim")


def _shown_case(task: Task) -> Case | None:
    """The case whose bytes are shown: the first that is timed."""
    cases = task.cases_for(Use.TIME) or task.cases
    return cases[0] if cases else None


def _print_region(
    console: Console, task: Task, region: RegionPlan, case: Case | None, values: Mapping[str, int]
) -> None:
    span = region.span
    entries = f"entered {_times(region.entries)}" if region.entries else "entered an unknown number of times"
    console.print(
        f"\n[bold]{escape(span.file)}:{span.line}-{span.end_line}[/bold] in {escape(region.function)}, "
        f"{_form(region)}, {entries}"
    )
    console.print(f"  {escape(region.reason)}", style="dim")
    for loop in region.loops:
        _print_loop(console, task, loop)
    moved = {(e.array, e.line): e for e in expected(region, values)}
    console.print(_table(region, moved, case))
    for array in region.arrays:
        console.print(f"  {escape(array.name)}: {escape(array.reason)}", style="dim")
        for update in array.updates:
            console.print(
                f"    target update {update.direction} at line {update.span.line}: {escape(update.reason)}",
                style="dim",
            )


def _form(region: RegionPlan) -> str:
    if region.is_one_loop:
        return "mapped by the loop"
    return "target data" if region.structured else "target enter data, exit data"


def _print_loop(console: Console, task: Task, loop: LoopPlan) -> None:
    source = task.tree.get(loop.span.file, b"")
    header = source[loop.span.start : loop.span.end].split(b"{")[0].split(b"\n")[0]
    text = " ".join(header.decode("utf-8", "replace").split())
    colour, words = _KINDS[loop.kind]
    runs = f", started {_times(loop.launches)}" if loop.on_device and loop.launches else ""
    console.print(
        f"{loop.span.line:5d} [{colour}]{words:<13}[/{colour}]{escape(text)}"
        f"[dim]  {escape(_short(loop.reason))}{escape(runs)}[/dim]"
    )


def _table(region: RegionPlan, moved: Mapping[tuple[str, int], Expected], case: Case | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    name = f"bytes ({case.name})" if case is not None else "bytes"
    for title in (
        "array",
        "elements",
        "map",
        "device",
        "host",
        "copies in",
        "copies out",
        f"in, {name}",
        "out",
    ):
        table.add_column(title, justify="right" if title.startswith(("in,", "out")) else "left")
    for array in region.arrays:
        found = moved.get((array.name, array.line))
        table.add_row(
            escape(array.item),
            escape(f"{array.elements} {array.dtype}" if array.elements else "unknown"),
            _map(array),
            _lines(array, Side.DEVICE),
            _lines(array, Side.HOST),
            _copies(array.to_device),
            _copies(array.from_device),
            _bytes(found.to_bytes if found else None, exact=found is None or found.exact),
            _bytes(found.from_bytes if found else None, exact=found is None or found.exact),
        )
    return table


def _map(array: ArrayPlan) -> str:
    if array.scalar:
        return "with its loop"
    return "alloc, scratch" if array.scratch else array.direction.value


def _lines(array: ArrayPlan, side: Side) -> str:
    """Lines that read (r) and write (w) the array."""
    found: dict[int, str] = {}
    for use in array.uses:
        if use.side is side:
            letters = found.get(use.line, "")
            letters += "r" if use.reads and "r" not in letters else ""
            letters += "w" if use.writes and "w" not in letters else ""
            found[use.line] = letters
    return " ".join(f"{line}{letters}" for line, letters in sorted(found.items())) or "-"


def _copies(transfers: Iterable[Transfer]) -> str:
    counted = Counter(f"{'' if t.exact else 'at most '}{_times(t.times)}" for t in transfers)
    shown = [words if number == 1 else f"{number} x {words}" for words, number in counted.items()]
    return escape(" + ".join(shown)) or "-"


def _times(text: str | None) -> str:
    return "?" if text is None else "once" if text == "1" else f"{text} times"


def _bytes(count: int | None, *, exact: bool) -> str:
    if count is None:
        return "?"
    return f"{'' if exact else '<= '}{count:,}"


def _short(text: str) -> str:
    return text if len(text) <= _MANY else text[: _MANY - 3] + "..."
