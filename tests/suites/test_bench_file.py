"""The file of a bench, and what its numbers say together."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopwright.core.errors import LoopwrightError, UsageError
from loopwright.core.machine import Machine
from loopwright.core.timing import Speedup
from loopwright.reports.bench import print_bench, record_line
from loopwright.reports.bench_plots import plot_bench
from loopwright.suites.bench_record import (
    FAILED,
    NOT_AVAILABLE,
    OPTIMISER,
    TIMED,
    WRONG,
    BenchFile,
    Cell,
    ColumnInfo,
    KernelRecord,
    read_bench,
    refuse_unlike,
    write_bench,
)
from loopwright.suites.bench_summary import (
    BEST,
    against_best,
    below_one,
    compared,
    geometric_mean,
    history_of,
    means,
)
from loopwright.workbench.convergence import Step, reached
from loopwright.workbench.records import to_data


def ratio(value: float, *, rounds: int = 6) -> Speedup:
    return Speedup(value, value * 0.98, value * 1.02, rounds)


def timed(wall_s: float, over: float | None = None) -> Cell:
    return Cell(
        TIMED, wall_s=wall_s, speedup=None if over is None else ratio(over), samples_s={"full": (wall_s,)}
    )


GEMM = KernelRecord(
    "gemm", "d1",
    {"gcc": timed(1.0), "clang": timed(0.5, 2.0), "blas": Cell(NOT_AVAILABLE, "not installed"),
     "builtin": timed(0.125, 8.0)},
    "clang", ratio(4.0), 6, "rounds",
)  # fmt: skip
LU = KernelRecord(
    "lu", "d2",
    {"gcc": timed(1.0), "clang": Cell(WRONG, "wrong_output: case full"), "blas": Cell(FAILED, "crash"),
     "builtin": timed(2.0, 0.5)},
    "gcc", ratio(0.5), 6, "budget",
)  # fmt: skip
BROKEN = KernelRecord("mvt", "d3", {}, problem="the original does not build")
BENCH = BenchFile(
    suite="loops", version="0.1.0", started="2026-11-21T08:00:00+00:00",
    machine=Machine("EPYC", "x86_64", 2, 0), threads=2, settings={"search_s": 60.0, "rounds": 6},
    columns=(
        ColumnInfo("gcc", "gcc", "gcc 12.2.0", ("-O3", "-march=native")),
        ColumnInfo("clang", "clang", "clang 19.1.7", ("-O3",)),
        ColumnInfo("blas", "OpenBLAS", "gcc 12.2.0", ("-lopenblas",), "library"),
        ColumnInfo("builtin", "built-in optimiser", "gcc 12.2.0", ("-fopenmp",), OPTIMISER),
    ),
    kernels={"gemm": GEMM, "lu": LU, "mvt": BROKEN},
)  # fmt: skip


def test_file_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "new" / "bench.json"
    write_bench(path, BENCH)
    assert read_bench(path) == BENCH
    unbounded = replace(GEMM, against=Speedup(4.0, 0.0, math.inf, 1))
    write_bench(path, replace(BENCH, kernels={"gemm": unbounded}))
    assert json.loads(path.read_text())["schema"] == 1
    assert read_bench(path).kernels["gemm"].against == unbounded.against


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, UsageError, "cannot read"),
        ("{", UsageError, "not a result of loopwright bench"),
        ("[]", UsageError, "not a result of loopwright bench"),
        ('{"kind": "bench", "schema": 99}', LoopwrightError, "newer version"),
        ('{"kind": "bench", "schema": 1, "suite": 3}', LoopwrightError, "damaged"),
    ],
)
def test_other_files_are_refused(
    content: str | None, error: type[LoopwrightError], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(error, match=message):
        read_bench(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"machine": Machine("Xeon", "x86_64", 2, 0)}, "machine was 'EPYC x2 x86_64'"),
        ({"threads": 4}, "threads was 2"),
        ({"version": "0.2.0"}, "version"),
        ({"settings": {"search_s": 5.0, "rounds": 6}}, "search_s was 60.0"),
        ({"columns": BENCH.columns[:2]}, "columns"),
        ({"columns": (*BENCH.columns[:3], replace(BENCH.columns[3], flags=("-O2",)))}, "column builtin"),
        ({"columns": (*BENCH.columns[:3], replace(BENCH.columns[3], problem="gone"))}, "column builtin"),
    ],
)
def test_unlike_benches_do_not_share_a_file(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        refuse_unlike(BENCH, replace(BENCH, **change), tmp_path / "b.json")


def test_what_may_differ_between_sittings(tmp_path: Path) -> None:
    refuse_unlike(BENCH, replace(BENCH, started="later", kernels={}), tmp_path / "b.json")
    write_bench(tmp_path / "b.json", BENCH)
    refuse_unlike(read_bench(tmp_path / "b.json"), BENCH, tmp_path / "b.json")


def test_geometric_means_are_those_of_the_definition() -> None:
    found = {mean.column: mean for mean in means(BENCH)}
    assert list(found) == ["gcc", "clang", "blas", BEST, "builtin"]
    assert found["builtin"].plain == pytest.approx(math.sqrt(8.0 * 0.5))
    assert found["builtin"].floored == pytest.approx(math.sqrt(8.0 * 1.0))
    # One kernel is wrong: it is not in the plain mean, and counts as 1 in the floored one.
    assert (found["clang"].plain, found["clang"].kernels, found["clang"].wrong) == (pytest.approx(2.0), 1, 1)
    assert found["clang"].floored == pytest.approx(math.sqrt(2.0))
    assert found["blas"].kernels == 0
    assert found[BEST].plain == pytest.approx(math.sqrt(2.0))
    over = against_best(BENCH)
    assert over is not None
    assert over.plain == pytest.approx(math.sqrt(4.0 * 0.5))
    assert geometric_mean([2.0, 4.0, 8.0]) == pytest.approx(4.0)
    with pytest.raises(ValueError, match="nothing"):
        geometric_mean([])


def test_any_two_columns_can_be_compared_afterwards() -> None:
    a = replace(timed(1.0), samples_s={"full": (1.0, 1.1, 0.9, 1.0, 1.2, 1.0)})
    b = replace(timed(0.5, 2.0), samples_s={"full": (0.5, 0.55, 0.45, 0.5, 0.6, 0.5)})
    record = replace(GEMM, cells={"gcc": a, "blas": b, "builtin": replace(timed(1.0, 1.0), samples_s={})})
    found = compared(record, "blas", "gcc")
    assert found is not None
    assert (found.estimate, found.rounds) == (pytest.approx(2.0), 3)
    # An optimiser that found nothing has the reference's samples.
    assert compared(record, "builtin", "gcc").estimate == 1.0  # type: ignore[union-attr]
    assert compared(record, "clang", "gcc") is None
    assert compared(LU, "clang", "gcc") is None


def test_slower_than_the_reference_is_told_by_the_whole_interval() -> None:
    assert below_one(BENCH, "builtin") == (LU,)
    near = replace(
        LU, cells={**LU.cells, "builtin": replace(timed(1.0), speedup=Speedup(0.99, 0.97, 1.01, 6))}
    )
    assert below_one(replace(BENCH, kernels={"lu": near}), "builtin") == ()


def test_table_says_what_is_wrong_missing_and_slower(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(BENCH)
    text = capsys.readouterr().out
    for part in ("WRONG", "failed", "4 of clang", "7.84-8.16", "lu, clang: wrong: wrong_output: case full",
                 "mvt: no result: the original does not build", "slower than gcc", "EPYC, 2 threads",
                 "clang: clang 19.1.7 -O3"):  # fmt: skip
        assert part in text, part


def test_table_without_the_optimiser(capsys: pytest.CaptureFixture[str]) -> None:
    cells = {name: cell for name, cell in GEMM.cells.items() if name != "builtin"}
    record = replace(GEMM, cells=cells, against=None)
    print_bench(replace(BENCH, columns=BENCH.columns[:3], kernels={"gemm": record}))
    text = capsys.readouterr().out
    assert "builtin" not in text
    assert "best compiler" in text


def test_table_of_nothing_yet(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(replace(BENCH, kernels={}))
    assert "EPYC" in capsys.readouterr().out
    assert plot_bench(replace(BENCH, kernels={})) == ""


def test_plot_is_svg_with_every_kernel_and_column() -> None:
    from xml.etree import ElementTree

    text = plot_bench(BENCH)
    assert ElementTree.parse(io.StringIO(text)).getroot().tag.endswith("svg")
    for part in ("gemm", "lu", "built-in optimiser (2.83)", "clang (1.41)", "EPYC"):
        assert part in text, part


def test_a_kernel_in_one_line() -> None:
    assert record_line(GEMM) == "gemm: gcc 1 s, clang 2.00x, builtin 8.00x; 4.00x of clang (0 µs)"
    assert record_line(BROKEN) == "mvt: the original does not build"


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        GEMM.kernel = "lu"  # type: ignore[misc]


def searched(*speedups: float | None) -> KernelRecord:
    """A record of a search whose evaluation n ended after 10 n seconds; every better one was accepted."""
    steps, best = [], 1.0
    for number, value in enumerate(speedups, start=1):
        better = value is not None and value > best
        best = max(best, value or 0.0)
        steps.append(to_data(Step(number, 10.0 * number, value, better)))
    cell = replace(timed(0.5, 2.0), facts={"history": steps})
    return replace(GEMM, cells={**GEMM.cells, "builtin": cell})


def test_when_a_search_had_most_of_its_gain() -> None:
    found = reached(history_of(searched(1.5, None, 4.6, 3.0, 5.0, 4.9)))
    assert found is not None
    assert (found.evaluations, found.elapsed_s, found.of_evaluations) == (3, 30.0, 6)
    assert reached(history_of(searched(0.9, None))) is None
    # The third was looked at first, the first was timed and accepted after it.
    twice = searched(None, None, None, 2.0)
    twice.cells["builtin"].facts["history"][-1]["number"] = 1
    again = reached(history_of(twice))
    assert again is not None
    assert (again.evaluations, again.of_evaluations) == (3, 3)
    assert reached(history_of(GEMM)) is None


def test_search_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    bench = replace(BENCH, kernels={"gemm": searched(1.5, 4.6, 5.0)})
    print_bench(bench)
    assert "gemm: 90 % of the search's last speedup after 2 of 3 evaluations, 20 s" in capsys.readouterr().out
