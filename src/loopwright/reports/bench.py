"""The bench as a table for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loopwright.core.timing import Speedup
from loopwright.reports.wording import duration, ratio
from loopwright.suites.bench_record import (
    BUILTIN,
    LIBRARY,
    NOT_AVAILABLE,
    REFERENCE,
    TIMED,
    WRONG,
    BenchFile,
    Cell,
    KernelRecord,
)
from loopwright.suites.bench_summary import BEST, Mean, against_best, below_one, compared, history_of, means
from loopwright.suites.search_costs import SearchCost, search_costs, strategy_of
from loopwright.system.load import disturbs
from loopwright.workbench.convergence import SHARE, reached


def print_bench(bench: BenchFile) -> None:
    """The table, the means, and what has to be known about them."""
    console = _console()
    records = [record for record in bench.kernels.values() if not record.problem]
    if records:
        console.print(_table(bench, records))
    for line in _notes(bench):
        console.print(escape(line), style="dim", soft_wrap=True)


def print_costs(benches: Sequence[BenchFile]) -> None:
    """What the searches of several strategies cost, kernel by kernel: evaluations, time, final speedup."""
    costs = search_costs(benches)
    table = Table(
        title=f"until {100 * SHARE:.0f} % of the final speedup",
        title_justify="left",
    )
    table.add_column("kernel")
    strategies = [strategy_of(bench) for bench in benches]
    for strategy in strategies:
        table.add_column(strategy, justify="right")
    for kernel in dict.fromkeys(cost.kernel for cost in costs):
        of = {cost.strategy: cost for cost in costs if cost.kernel == kernel}
        table.add_row(kernel, *(_cost(of.get(strategy)) for strategy in strategies))
    console = _console()
    console.print(table)
    if any(cost.falls_short for cost in costs):
        console.print("(less): another strategy found a clearly faster version", style="dim")


def _cost(cost: SearchCost | None) -> str:
    if cost is None:
        return "-"
    if cost.reached is None:
        return "no gain" + (" (less)" if cost.falls_short else "")
    found, less = cost.reached, " (less)" if cost.falls_short else ""
    spent = f"{found.evaluations} of {found.of_evaluations}, {duration(found.elapsed_s)}"
    return f"{spent}, {ratio(cost.last)}{less}"


def _console() -> Console:
    """As wide as the terminal; a file takes the whole table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def record_line(record: KernelRecord) -> str:
    """One kernel in one line, for the progress of a bench."""
    if record.problem:
        return f"{record.kernel}: {record.problem}"
    parts = [
        f"{name} {_plain(cell)}"
        for name, cell in record.cells.items()
        if name != REFERENCE and cell.status != NOT_AVAILABLE
    ]
    against = f"; {ratio(record.against.estimate)} of {record.best_compiler}" if record.against else ""
    took = duration(record.elapsed_s)
    return f"{record.kernel}: gcc {_plain(record.cells[REFERENCE])}, {', '.join(parts)}{against} ({took})"


def _table(bench: BenchFile, records: Sequence[KernelRecord]) -> Table:
    table = Table(title="speedup over gcc -O3 -march=native, with 95 % intervals", title_justify="left")
    table.add_column("kernel")
    shown = [column for column in bench.columns if not column.problem]
    for column in shown:
        table.add_column(column.name, justify="right")
    has_builtin = any(column.name == BUILTIN for column in shown)
    has_best = any(record.best_compiler for record in records) and len(shown) > 1
    if has_best:
        table.add_column(f"{BUILTIN} / best compiler" if has_builtin else "best compiler", justify="right")
    libraries = [column.name for column in shown if column.kind == LIBRARY and has_builtin]
    for library in libraries:
        table.add_column(f"{BUILTIN} / {library}", justify="right")
    for record in records:
        row = [_cell(record.cells.get(column.name)) for column in shown]
        row += [_against(record)] if has_best else []
        row += [_over(compared(record, BUILTIN, library), "") for library in libraries]
        table.add_row(escape(record.kernel), *row)
    table.add_section()
    by_name = {mean.column: mean for mean in means(bench)}
    over = against_best(bench)
    for label, pick in (("geomean, none below 1", "floored"), ("geomean as timed", "plain")):
        row = [_mean(by_name[column.name], pick) for column in shown]
        end = []
        if has_best:
            best = by_name.get(BEST)
            end = [
                (f"{over.plain:.2f} ({over.kernels})" if over and pick == "plain" else "")
                + (f"\n[dim]best compiler {getattr(best, pick):.2f}[/dim]" if best else "")
            ]
        table.add_row(f"[bold]{label}[/bold]", *row, *end)
    return table


def _mean(mean: Mean, pick: str) -> str:
    if not mean.kernels:
        return "-"
    count = f"\n[dim]of {mean.kernels}[/dim]" if pick == "plain" else ""
    return f"[bold]{getattr(mean, pick):.2f}[/bold]{count}"


def _cell(cell: Cell | None) -> str:
    if cell is None or cell.status == NOT_AVAILABLE:
        return "[dim]-[/dim]"
    if cell.status == WRONG:
        return "[red]WRONG[/red]"
    if cell.status != TIMED:
        return "[yellow]failed[/yellow]"
    if cell.speedup is None:
        return duration(cell.wall_s or 0.0)
    if not cell.speedup.rounds:
        return "1\n[dim]no gain[/dim]"
    colour = "green" if cell.speedup.low > 1 else "red" if cell.speedup.high < 1 else ""
    text = f"{cell.speedup.estimate:.3g}"
    return (f"[{colour}]{text}[/{colour}]" if colour else text) + f"\n[dim]{_bounds(cell.speedup)}[/dim]"


def _against(record: KernelRecord) -> str:
    if record.against is None:
        return f"[dim]{escape(record.best_compiler)}[/dim]"
    return _over(record.against, f" [dim]of {escape(record.best_compiler)}[/dim]")


def _over(speedup: Speedup | None, what: str) -> str:
    if speedup is None:
        return "[dim]-[/dim]"
    return f"{speedup.estimate:.3g}{what}\n[dim]{_bounds(speedup)}[/dim]"


def _bounds(speedup: Speedup) -> str:
    if speedup.low <= 0 or math.isinf(speedup.high):
        return "no interval"
    return f"{speedup.low:.3g}-{speedup.high:.3g}"


def _plain(cell: Cell) -> str:
    if cell.status != TIMED:
        return cell.status
    return duration(cell.wall_s or 0.0) if cell.speedup is None else ratio(cell.speedup.estimate)


def _notes(bench: BenchFile) -> list[str]:
    """Machine, versions and flags; what is missing, wrong, slower, or was disturbed."""
    machine = bench.machine
    settings = ", ".join(f"{name} {value}" for name, value in bench.settings.items())
    lines = [
        f"{machine.cpu}, {bench.threads} threads, {machine.os}; loopwright {bench.version}, {bench.started}",
        f"settings: {settings}",
    ]
    for column in bench.columns:
        what = column.problem or f"{column.compiler} {' '.join(column.flags)}"
        lines.append(f"{column.name}: {'not available: ' if column.problem else ''}{what}")
    for name, record in bench.kernels.items():
        if record.problem:
            lines.append(f"{name}: no result: {record.problem}")
        for column_name, cell in record.cells.items():
            if cell.status not in (TIMED, NOT_AVAILABLE):
                lines.append(f"{name}, {column_name}: {cell.status}: {cell.reason}")
        if disturbs(record.others):
            lines.append(f"{name}: other work kept {record.others:.1f} processors busy while this was timed")
    lines += [
        f"{name}: {100 * SHARE:.0f} % of the search's last speedup after {found.evaluations} of "
        f"{found.of_evaluations} evaluations, {duration(found.elapsed_s)}"
        for name, record in bench.kernels.items()
        if (found := reached(history_of(record))) is not None
    ]
    slower = [record.kernel for record in below_one(bench, BUILTIN)]
    if slower:
        lines.append(f"{BUILTIN} is slower than gcc, by its whole interval: {', '.join(slower)}")
    return lines
