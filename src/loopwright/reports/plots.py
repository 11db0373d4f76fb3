"""Plots of a run as SVG text, drawn without a display."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from loopwright.core.machine import Floors
from loopwright.core.profile import Roofline
from loopwright.core.run import Evaluation
from loopwright.core.timing import Comparison
from loopwright.reports.wording import rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Where no home folder can be written to, matplotlib would complain at length in the middle of a result.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
_METADATA = ("Date", "Creator", "Format", "Type")
"""What matplotlib would write about the file; it names addresses on the web, which readers wonder about."""
_BEST, _OTHER, _FAILED, _ORIGINAL = "#1a7f37", "#57606a", "#cf222e", "#8250df"


def convergence(evaluations: Sequence[Evaluation]) -> str:
    """Speedup over the baseline against the number of evaluations, failures on the floor; "" for none."""
    if not evaluations:
        return ""
    from matplotlib.ticker import MaxNLocator

    figure, axes = new_figure(7.2, 3.0)
    best, steps = 1.0, [(0.0, 1.0)]
    for each in evaluations:
        if each.speedup is None:
            axes.plot(each.number, 0.0, "x", color=_FAILED)
            continue
        colour = _BEST if each.promoted else _OTHER
        value = each.speedup.estimate
        low, high = each.speedup.low, each.speedup.high
        if low > 0 and math.isfinite(high):
            axes.plot([each.number, each.number], [low, high], color=colour, linewidth=1)
        axes.plot(each.number, value, "o", color=colour, markersize=5)
        if each.promoted:
            best = value
        steps.append((each.number, best))
    steps.append((evaluations[-1].number + 0.5, best))
    axes.step([x for x, _ in steps], [y for _, y in steps], where="post", color=_BEST, linewidth=1.2)
    axes.axhline(1.0, color="#999", linewidth=0.8, linestyle="--")
    axes.set_xlabel("evaluation (x: rejected)")
    axes.set_ylabel("speedup over the baseline")
    axes.set_ylim(bottom=-0.05)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return svg_of(figure)


def distributions(comparison: Comparison) -> str:
    """Every timed execution of the original and of the best, by case."""
    cases = list(comparison.rounds[0].a) if comparison.rounds else []
    if not cases:
        return ""
    figure, axes = new_figure(7.2, 0.9 + 0.8 * len(cases))
    labels: list[str] = []
    for number, case in enumerate(cases):
        for offset, side, colour in ((0.0, "a", _ORIGINAL), (0.35, "b", _BEST)):
            samples = [
                sample.wall_s * 1e3
                for each in comparison.rounds
                for sample in (each.a if side == "a" else each.b)[case]
            ]
            at = [number + offset + 0.015 * (i % 5 - 2) for i in range(len(samples))]
            axes.plot(samples, at, ".", color=colour, alpha=0.6)
            labels.append(f"{case}: {comparison.a if side == 'a' else comparison.b}")
    positions = [number + offset for number in range(len(cases)) for offset in (0.0, 0.35)]
    axes.set_yticks(positions, labels, parse_math=False)
    axes.set_ylim(len(cases) - 0.4, -0.25)
    axes.set_xlim(left=0)
    axes.set_xlabel("wall time of one execution, ms")
    return svg_of(figure)


def roofline_plot(points: Sequence[tuple[str, Roofline]], floors: Floors, threads: int) -> str:
    """The measured roofs and where the versions stand; "" when none has an arithmetic intensity."""
    placed = [(name, r) for name, r in points if r.intensity]
    if not placed:
        return ""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    bandwidth = floors.triad_bytes_per_s.get(threads) or max(floors.triad_bytes_per_s.values())
    peak = floors.peak_flops_f64.get(threads) or max(floors.peak_flops_f64.values())
    figure, axes = new_figure(7.2, 3.2)
    ridge = peak / bandwidth
    values = [r.intensity for _, r in placed if r.intensity]
    left, right = min([*values, ridge]) / 8, max([*values, ridge]) * 8
    roofs = f"roofs: {rate(bandwidth, 'byte/s')}, {rate(peak, 'flop/s')}"
    axes.loglog(
        [left, ridge, right], [left * bandwidth / 1e9, peak / 1e9, peak / 1e9], color="#333", label=roofs
    )
    for (name, roof), colour in zip(placed, (_ORIGINAL, _BEST, _OTHER), strict=False):
        assert roof.intensity
        axes.loglog(roof.intensity, roof.attained / 1e9, "o", color=colour, label=name)
    axes.set_xlabel("arithmetic intensity, flop/byte")
    axes.set_ylabel("Gflop/s")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False, fontsize=8)
    return svg_of(figure)


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty plot of that size in inches, and its axes."""
    from matplotlib.figure import Figure as New

    figure = New(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def kernel_rows(axes: Axes, names: Sequence[str]) -> None:
    """A row for each name, the first at the top, every second one shaded."""
    axes.set_yticks(range(len(names)), list(names), parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    for row in range(0, len(names), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f3f4f6", zorder=0)


def svg_of(figure: Figure) -> str:
    """The figure as SVG text, the same for the same figure."""
    import matplotlib

    buffer = io.StringIO()
    # Paths instead of fonts would triple the size; a fixed salt keeps the file the same for the same run.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "loopwright"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=dict.fromkeys(_METADATA))
    text = buffer.getvalue()
    return text[text.index("<svg") :]
