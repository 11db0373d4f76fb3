"""What searches cost, strategy by strategy: one file of a bench each. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loopwright.core.errors import UsageError
from loopwright.suites.bench_record import BenchFile
from loopwright.suites.bench_summary import history_of
from loopwright.workbench.convergence import SHARE, Reached, Step, judged_until, promotions, reached


@dataclass(frozen=True)
class SearchCost:
    """What one strategy's search of one kernel came to.

    Attributes:
        reached: when it had 90 % of what it promoted last; None when it promoted nothing.
        last: the speedup that it promoted last, 1 for nothing.
        best: the most that any of the compared strategies promoted for this kernel.
    """

    strategy: str
    kernel: str
    reached: Reached | None
    last: float
    best: float

    @property
    def falls_short(self) -> bool:
        """Whether another strategy got further: then a low cost is no merit."""
        return self.last < SHARE * self.best


@dataclass(frozen=True)
class Progress:
    """A strategy's way, over all kernels: after so many evaluations (or seconds) each, the mean share of the
    best known speedups, on the scale of logarithms. Both start at (0, 0).
    """

    strategy: str
    by_evaluations: tuple[tuple[float, float], ...]
    by_seconds: tuple[tuple[float, float], ...]


def strategy_of(bench: BenchFile) -> str:
    """The strategy of the searches in a file."""
    return str(bench.settings.get("strategy", "refine"))


def refuse_uncomparable(benches: Sequence[BenchFile], paths: Sequence[Path]) -> None:
    """Costs are compared on one machine, for the same searches but for the strategy.

    Raises:
        UsageError: naming the file and the first thing that differs, or a strategy that comes twice.
    """
    first = benches[0]
    seen: set[str] = set()
    for bench, path in zip(benches, paths, strict=True):
        for name, mine, other in (
            ("suite", bench.suite, first.suite),
            ("machine", bench.machine.key, first.machine.key),
            ("threads", bench.threads, first.threads),
            ("search_s", bench.settings.get("search_s"), first.settings.get("search_s")),
        ):
            if mine != other:
                raise UsageError(
                    f"{name} is {mine}, that of {paths[0]} is {other}",
                    where=str(path),
                    hint="compare searches of one machine with one --budget",
                )
        if (strategy := strategy_of(bench)) in seen:
            raise UsageError(
                f"a second file with strategy {strategy}", where=str(path), hint="one file a strategy"
            )
        seen.add(strategy)


def search_costs(benches: Sequence[BenchFile]) -> tuple[SearchCost, ...]:
    """One for every kernel that a file has a search of; kernels in the order of the first file."""
    histories = _histories(benches)
    best = _best(histories)
    return tuple(
        SearchCost(strategy, kernel, reached(steps), _last(steps), best[kernel])
        for kernel in best
        for (strategy, name), steps in histories.items()
        if name == kernel
    )


def progress_of(benches: Sequence[BenchFile]) -> tuple[Progress, ...]:
    """One a strategy, over the kernels that all of them searched and one of them made faster."""
    histories = _histories(benches)
    strategies = [strategy_of(bench) for bench in benches]
    best = _best(histories)
    common = [k for k, most in best.items() if most > 1 and all((s, k) in histories for s in strategies)]
    found = []
    for strategy in strategies if common else ():
        gains: list[tuple[float, float, float]] = []
        for kernel in common:
            steps, before = histories[strategy, kernel], 0.0
            for step, speedup in promotions(steps):
                share = math.log(speedup) / math.log(best[kernel]) / len(common)
                gains.append((judged_until(steps, step.at_s), step.at_s, share - before))
                before = share
        found.append(
            Progress(
                strategy,
                _summed([(evaluations, gain) for evaluations, _, gain in gains]),
                _summed([(seconds, gain) for _, seconds, gain in gains]),
            )
        )
    return tuple(found)


def _histories(benches: Sequence[BenchFile]) -> dict[tuple[str, str], list[Step]]:
    return {
        (strategy_of(bench), record.kernel): steps
        for bench in benches
        for record in bench.kernels.values()
        if (steps := history_of(record))
    }


def _best(histories: dict[tuple[str, str], list[Step]]) -> dict[str, float]:
    best: dict[str, float] = {}
    for (_, kernel), steps in histories.items():
        best[kernel] = max(best.get(kernel, 1.0), _last(steps))
    return best


def _last(steps: Sequence[Step]) -> float:
    promoted = promotions(steps)
    return promoted[-1][1] if promoted else 1.0


def _summed(gains: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    points, total = [(0.0, 0.0)], 0.0
    for at, gain in sorted(gains):
        total += gain
        points.append((at, total))
    return tuple(points)
