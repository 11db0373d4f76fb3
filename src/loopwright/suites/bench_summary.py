"""What the numbers of a bench say together. Pure functions of a :class:`BenchFile`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loopwright.core.timing import Round, Sample, Speedup
from loopwright.suites.bench_record import (
    BUILTIN,
    COMPILER,
    REFERENCE,
    TIMED,
    BenchFile,
    Cell,
    KernelRecord,
)
from loopwright.timing.estimate import estimate
from loopwright.workbench.convergence import Step
from loopwright.workbench.records import from_data

BEST = "best compiler"


@dataclass(frozen=True)
class Mean:
    """A column's geometric mean over the kernels that it has a time for.

    Attributes:
        kernels: how many those are.
        plain: of the speedups over the reference as they are.
        floored: of the same, none below 1: a user would keep the original where it is faster. A kernel that
            this column has no time for counts as 1, so this mean is over all kernels.
        wrong: kernels for which the column gave a wrong result.
    """

    column: str
    kernels: int
    plain: float
    floored: float
    wrong: int = 0


def speedup_over_reference(cell: Cell | None) -> float | None:
    """The speedup of a cell, 1 for the reference itself, None without a time."""
    if cell is None or cell.status != TIMED:
        return None
    return 1.0 if cell.speedup is None else cell.speedup.estimate


def means(bench: BenchFile) -> tuple[Mean, ...]:
    """One mean a column, in their order, and one of the best compiler of each kernel before the last."""
    records = [record for record in bench.kernels.values() if not record.problem]
    found: list[Mean] = []
    for column in bench.columns:
        values = [speedup_over_reference(record.cells.get(column.name)) for record in records]
        wrong = sum(cell.status == "wrong" for r in records if (cell := r.cells.get(column.name)) is not None)
        found.append(_mean(column.name, values, wrong))
    if any(column.kind == COMPILER and column.name != REFERENCE for column in bench.columns):
        best = [speedup_over_reference(record.cells.get(record.best_compiler)) for record in records]
        place = len(found) - 1 if found and found[-1].column == BUILTIN else len(found)
        found.insert(place, _mean(BEST, best, 0))
    return tuple(found)


def against_best(bench: BenchFile) -> Mean | None:
    """The built-in optimiser over the best compiler of each kernel; None when it was not benched.

    `floored` has no floor here: the best compiler may well be the better one, and that is to be seen.
    """
    values = [r.against.estimate for r in bench.kernels.values() if r.against is not None]
    if not values:
        return None
    plain = geometric_mean(values)
    return Mean(BUILTIN, len(values), plain, plain)


def compared(record: KernelRecord, version: str, over: str) -> Speedup | None:
    """How much faster one column is than another on a kernel, from the kept samples; None when one of them
    has none. The samples of a case stand in the order of the rounds, two of each.
    """
    a, b = (_samples_of(record, name) for name in (over, version))
    if a is None or b is None:
        return None
    count = min(len(times) // 2 for times in (*a.values(), *b.values()))
    rounds = [Round({c: _pair(t, n) for c, t in a.items()}, {c: _pair(t, n) for c, t in b.items()})
              for n in range(count)]  # fmt: skip
    return estimate(rounds, stopped=record.stopped) if rounds else None


def history_of(record: KernelRecord) -> list[Step]:
    """The steps of the optimiser's search for a kernel; empty without a search."""
    cell = record.cells.get(BUILTIN)
    return [from_data(Step, step) for step in cell.facts.get("history", ())] if cell is not None else []


def below_one(bench: BenchFile, column: str) -> tuple[KernelRecord, ...]:
    """Kernels where a column is slower than the reference, by its whole interval."""
    return tuple(
        record
        for record in bench.kernels.values()
        if (cell := record.cells.get(column)) is not None
        and cell.speedup is not None
        and cell.speedup.high < 1
    )


def geometric_mean(values: Sequence[float]) -> float:
    """exp of the mean logarithm. Raises ValueError for none."""
    if not values:
        raise ValueError("a mean of nothing")
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def _samples_of(record: KernelRecord, column: str) -> Mapping[str, Sequence[float]] | None:
    """A column's samples; those of the reference for an optimiser that found nothing better."""
    cell = record.cells.get(column)
    if cell is None or cell.status != TIMED:
        return None
    return cell.samples_s or record.cells[REFERENCE].samples_s


def _pair(times: Sequence[float], number: int) -> tuple[Sample, Sample]:
    return Sample(times[2 * number]), Sample(times[2 * number + 1])


def _mean(column: str, values: Sequence[float | None], wrong: int) -> Mean:
    known = [value for value in values if value is not None]
    if not known:
        return Mean(column, 0, math.nan, math.nan, wrong)
    floored = [max(1.0, value if value is not None else 1.0) for value in values]
    return Mean(column, len(known), geometric_mean(known), geometric_mean(floored), wrong)
