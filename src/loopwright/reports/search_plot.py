"""What searches cost, as a plot: kernel by kernel, and strategy by strategy over all of them."""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.suites.bench_record import BenchFile
from loopwright.suites.search_costs import progress_of, search_costs, strategy_of
from loopwright.workbench.convergence import SHARE

_COLOURS = ("#1a7f37", "#0969da", "#bf8700", "#8250df", "#cf222e", "#57606a")
_MARKERS = "osD^vP"


def plot_search(benches: Sequence[BenchFile]) -> str:
    """Evaluations and seconds until 90 % of the final speedup, per kernel and strategy, as SVG; below them
    the mean share of the best known speedups against what was spent. "" when no search accepted anything.

    Args:
        benches: one a strategy, of one machine.
    """
    costs = [cost for cost in search_costs(benches) if cost.reached is not None]
    if not costs:
        return ""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from loopwright.reports.plots import kernel_rows, svg_of

    kernels = list(dict.fromkeys(cost.kernel for cost in costs))
    strategies = [strategy_of(bench) for bench in benches]
    height = 0.8 + 0.26 * len(kernels)
    figure = Figure(figsize=(8.0, height + 2.8), layout="constrained")
    axes = figure.subplots(2, 2, height_ratios=(height, 2.2))
    ways = {way.strategy: way for way in progress_of(benches)}
    ends = [
        max((points[-1][0] for points in each), default=0.0)
        for each in ([w.by_evaluations for w in ways.values()], [w.by_seconds for w in ways.values()])
    ]
    for number, strategy in enumerate(strategies):
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        shift = 0.5 * ((number + 0.5) / len(strategies) - 0.5)
        for cost in costs:
            if cost.strategy != strategy or cost.reached is None:
                continue
            y = kernels.index(cost.kernel) + shift
            face = "none" if cost.falls_short else colour
            for axis, value in zip(axes[0], (cost.reached.evaluations, cost.reached.elapsed_s), strict=True):
                axis.plot(value, y, marker, color=colour, markerfacecolor=face, markersize=5)
        axes[0][0].plot([], [], marker, color=colour, label=strategy)
        if (way := ways.get(strategy)) is not None:
            for axis, points, end in zip(axes[1], (way.by_evaluations, way.by_seconds), ends, strict=True):
                xs, ys = zip(*points, (end, points[-1][1]), strict=True)
                axis.step(xs, ys, where="post", color=colour, linewidth=1.2)
    for axis in axes[0]:
        kernel_rows(axis, kernels)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="x", color="#ccc", linewidth=0.5)
        axis.set_axisbelow(True)
        axis.set_xlim(left=0)
    for axis in axes[1]:
        axis.set_ylim(0, 1.05)
    axes[0][0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0][0].set_xlabel(f"evaluations until {100 * SHARE:.0f} % of the final speedup")
    axes[0][1].set_xlabel(f"seconds until {100 * SHARE:.0f} % of the final speedup")
    axes[0][1].tick_params(labelleft=False)
    axes[1][0].set_xlabel("evaluations of each kernel")
    axes[1][1].set_xlabel("seconds of each kernel")
    axes[1][0].set_ylabel("share of the best\nspeedup (logarithm)")
    short = any(cost.falls_short for cost in costs)
    title = "hollow: another strategy found a clearly faster version" if short else ""
    figure.legend(loc="outside lower center", ncols=len(strategies), frameon=False, fontsize=8, title=title,
                  title_fontsize=8)  # fmt: skip
    return svg_of(figure)
