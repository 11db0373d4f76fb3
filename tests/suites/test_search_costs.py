"""What searches cost, strategy by strategy."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loopwright.cli.bench import app
from loopwright.core.errors import UsageError
from loopwright.core.machine import Machine
from loopwright.reports.search_plot import plot_search
from loopwright.suites.bench_record import (
    OPTIMISER,
    TIMED,
    BenchFile,
    Cell,
    ColumnInfo,
    KernelRecord,
    write_bench,
)
from loopwright.suites.search_costs import progress_of, refuse_uncomparable, search_costs
from loopwright.workbench.convergence import Step
from loopwright.workbench.records import to_data

Found = tuple[int, float, float]
"""Number, second and speedup of an accepted version."""


def bench(strategy: str, kernels: dict[str, list[Found]], seen: int = 9) -> BenchFile:
    """A bench whose searches looked at `seen` versions, a second each, and accepted those in `kernels`."""
    records = {}
    for name, found in kernels.items():
        steps = [Step(n, float(n), None, False) for n in range(1, seen + 1)]
        steps += [Step(number, at_s, speedup, True) for number, at_s, speedup in found]
        cell = Cell(TIMED, wall_s=1.0, facts={"history": [to_data(step) for step in steps]})
        records[name] = KernelRecord(name, "d", {"gcc": Cell(TIMED, wall_s=1.0), "builtin": cell})
    return BenchFile(
        suite="loops", version="0.1.0", started="2026-11-21T08:00:00+00:00",
        machine=Machine("EPYC", "x86_64", 2, 0), threads=2,
        settings={"search_s": 60.0, "strategy": strategy},
        columns=(ColumnInfo("gcc", "gcc"), ColumnInfo("builtin", "built-in", kind=OPTIMISER)),
        kernels=records,
    )  # fmt: skip


REFINE = bench("refine", {"gemm": [(2, 10.0, 2.0), (9, 20.0, 8.0)], "lu": [(3, 3.5, 4.0)], "atax": []})
BEAM = bench("beam", {"gemm": [(1, 1.5, 2.0)], "lu": [(5, 5.5, 4.1)], "mvt": [(1, 2.0, 3.0)]})


def test_a_cheap_search_that_falls_short_is_told_apart() -> None:
    costs = {(c.kernel, c.strategy): c for c in search_costs([REFINE, BEAM])}
    assert len(costs) == 6
    gemm = costs["gemm", "refine"].reached
    assert gemm is not None and (gemm.evaluations, gemm.elapsed_s) == (9, 20.0)
    short = costs["gemm", "beam"]
    assert short.reached is not None and short.reached.evaluations == 1
    assert short.falls_short and short.best == 8.0
    assert not costs["lu", "refine"].falls_short
    nothing = costs["atax", "refine"]
    assert nothing.reached is None and nothing.last == 1.0 and not nothing.falls_short


def test_progress_is_over_the_kernels_that_all_have() -> None:
    refine, beam = progress_of([REFINE, BEAM])
    lu = math.log(4.0) / math.log(4.1) / 2
    assert refine.by_evaluations[0] == (0.0, 0.0)
    assert [at for at, _ in refine.by_evaluations] == [0, 3, 9, 9]
    assert [at for at, _ in refine.by_seconds] == [0, 3.5, 10.0, 20.0]
    assert refine.by_seconds[1][1] == pytest.approx(lu)
    assert refine.by_seconds[-1][1] == refine.by_evaluations[-1][1] == pytest.approx(lu + 0.5)
    assert beam.by_evaluations[-1][0] == 5
    assert beam.by_evaluations[-1][1] == pytest.approx(1 / 6 + 0.5)
    assert progress_of([bench("refine", {"atax": []})]) == ()
    assert progress_of([REFINE, bench("beam", {"mvt": []})]) == ()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (REFINE, "a second file with strategy refine"),
        (replace(BEAM, threads=4), "threads is 4, that of a.json is 2"),
        (replace(BEAM, machine=Machine("Xeon", "x86_64", 2, 0)), "machine is .*Xeon"),
        (replace(BEAM, settings={**BEAM.settings, "search_s": 5.0}), "search_s is 5.0"),
    ],
)
def test_unlike_searches_are_not_compared(other: BenchFile, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        refuse_uncomparable([REFINE, other], [Path("a.json"), Path("b.json")])


def test_the_plot_names_kernels_and_strategies() -> None:
    svg = plot_search([REFINE, BEAM])
    for text in (
        "gemm",
        "lu",
        "mvt",
        "refine",
        "beam",
        "hollow: another strategy found a clearly faster version",
    ):
        assert f">{text}<" in svg
    assert ">atax<" not in svg
    alone = plot_search([REFINE])
    assert ">gemm<" in alone and "hollow" not in alone
    assert plot_search([bench("refine", {"atax": []})]) == ""


def test_report_of_several_strategies(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.json" for name in ("refine", "beam")]
    for path, made in zip(paths, (REFINE, BEAM), strict=True):
        write_bench(path, made)
    plot = tmp_path / "search.svg"
    runner = CliRunner()
    done = runner.invoke(app, ["report", *map(str, paths), "--search-plot", str(plot)])
    assert done.exit_code == 0, done.output
    assert "1 of 9, 1.5 s, 2.00x (less)" in done.output
    assert "9 of 9, 20 s, 8.00x" in done.output
    assert "no gain" in done.output
    assert plot.read_text().startswith("<svg")
    refused = runner.invoke(app, ["report", *map(str, paths), "--plot", str(plot)])
    assert isinstance(refused.exception, UsageError)
    single = runner.invoke(app, ["report", str(paths[0])])
    assert single.exit_code == 0 and "(less)" not in single.output
