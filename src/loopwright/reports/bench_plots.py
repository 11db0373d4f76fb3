"""The bench as plots."""

from __future__ import annotations

import math

from loopwright.suites.bench_record import BUILTIN, REFERENCE, BenchFile
from loopwright.suites.bench_summary import means

_COLOURS = ("#57606a", "#0969da", "#8250df", "#bf8700", "#cf222e", "#1b7c83", "#953800", "#6e7781")
_BUILTIN_COLOUR = "#1a7f37"
_MARKERS = "sD^v<>Pp"


def plot_bench(bench: BenchFile) -> str:
    """Every column's speedup over the reference, kernel by kernel, on a logarithmic scale, as SVG; "" when
    there is nothing to show.
    """
    records = [record for record in bench.kernels.values() if not record.problem]
    columns = [c for c in bench.columns if c.name != REFERENCE and not c.problem]
    if not records or not columns:
        return ""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    from loopwright.reports.plots import kernel_rows, new_figure, svg_of

    figure, axes = new_figure(8.0, 1.6 + 0.3 * len(records))
    step = 0.7 / max(1, len(columns) - 1)
    for number, column in enumerate(columns):
        colour = _BUILTIN_COLOUR if column.name == BUILTIN else _COLOURS[number % len(_COLOURS)]
        marker = "o" if column.name == BUILTIN else _MARKERS[number % len(_MARKERS)]
        xs, ys = [], []
        for row, record in enumerate(records):
            cell = record.cells.get(column.name)
            if cell is None or cell.speedup is None:
                continue
            y = row - 0.35 + number * step
            xs.append(cell.speedup.estimate)
            ys.append(y)
            if cell.speedup.low > 0 and math.isfinite(cell.speedup.high):
                axes.plot([cell.speedup.low, cell.speedup.high], [y, y], color=colour, linewidth=1)
        mean = next((m for m in means(bench) if m.column == column.name), None)
        text = f"{column.title} ({mean.floored:.2f})" if mean and mean.kernels else column.title
        axes.plot(xs, ys, marker, color=colour, markersize=4, label=text)
    axes.axvline(1.0, color="#333", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    kernel_rows(axes, [record.kernel for record in records])
    axes.grid(axis="x", color="#ccc", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("speedup over gcc -O3 -march=native (in brackets: geometric mean, none below 1)")
    axes.set_title(f"{bench.machine.cpu}, {bench.threads} threads, {bench.started[:10]}", fontsize=9)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return svg_of(figure)
