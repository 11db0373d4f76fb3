"""Planned and moved bytes: what moves more than planned is named, with a table; slack, scalars, new names."""

from __future__ import annotations

from pathlib import Path

import pytest
from offload_programs import offload_context

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.gate import Subject
from loopwright.gates.plan_trace import PLAN_TRACE
from loopwright.gates.plan_trace_moved import Movement, excess, table

SWEEPS = """\
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{{
    int n = argc > 1 ? atoi(argv[1]) : 100, steps = argc > 2 ? atoi(argv[2]) : 4;
    double *u = malloc(n * sizeof *u), *v = malloc(n * sizeof *v), sum = 0.0;
    for (int i = 0; i < n; i++)
        u[i] = i % 11;
{before}
    for (int s = 0; s < steps; s++) {{
{region}
        for (int i = 0; i < n; i++)
            v[i] = 0.5 * u[i];
{region}
        for (int i = 0; i < n; i++)
            u[i] = v[i] + s;
    }}
{after}
    for (int i = 0; i < n; i++)
        sum += u[i];
    printf("%.9g\\n", sum);
    free(u);
    free(v);
    return 0;
}}
"""
REGION = "#pragma omp target teams distribute parallel for"
ORIGINAL = SWEEPS.format(before="", region="", after="")
PER_LOOP = SWEEPS.format(before="", region=f"{REGION} map(tofrom : u[0 : n], v[0 : n])", after="")
HOISTED = SWEEPS.format(
    before="#pragma omp target data map(tofrom : u[0 : n]) map(alloc : v[0 : n])\n    {",
    region=REGION,
    after="    }",
)
SCRATCH_COPIED = HOISTED.replace("map(alloc : v", "map(tofrom : v")


def judged(candidate: str, scratch: Path) -> GateResult:
    context = offload_context(ORIGINAL, scratch, cases=(Case("small", args=("300", "5")),))
    assert PLAN_TRACE.available(context) == ""
    return PLAN_TRACE.check(Subject(Tree({"program.c": candidate.encode()})), context)


def test_a_region_as_planned_moves_what_was_planned(tmp_path: Path) -> None:
    result = judged(HOISTED, tmp_path)
    assert result.status is GateStatus.PASS, result
    assert "2400 of 2400 planned bytes to the device" in result.reason
    assert "2400 of 2400 planned bytes back" in result.reason


def test_a_loop_whose_head_was_written_anew_is_the_same_loop(tmp_path: Path) -> None:
    head, body = "for (int i = 0; i < n; i++)", "\n            v[i] ="
    result = judged(HOISTED.replace(head + body, f"for (int i = 0; i <= n - 1; i++){body}"), tmp_path)
    assert result.status is GateStatus.PASS, result
    assert "2400 of 2400 planned bytes back" in result.reason


def test_maps_at_each_loop_move_more_than_planned(tmp_path: Path) -> None:
    result = judged(PER_LOOP, tmp_path)
    assert result.failure is not None, result
    assert result.failure.mode is FailureMode.PLAN_MISMATCH
    assert "u to the device: 24000 bytes in 10 copies" in result.failure.message
    assert "planned 2400 bytes in 1 copy" in result.failure.message
    # Both regions of the time loop copy it.
    lines = [n for n, text in enumerate(PER_LOOP.splitlines(), start=1) if text.startswith(REGION)]
    assert result.failure.evidence["lines"] == ", ".join(f"program.c:{n}" for n in lines)
    assert "u      to" in result.failure.evidence["planned and moved"]


def test_scratch_that_is_copied_is_named(tmp_path: Path) -> None:
    result = judged(SCRATCH_COPIED, tmp_path)
    assert result.failure is not None, result
    assert result.failure.evidence["variable"] == "v"
    assert "planned 0 bytes" in result.failure.message


def of(array: str, planned: int | None, moved: int, times: int = 1, region: str = "p.c:1") -> Movement:
    return Movement(array, "to", planned, moved, times, times, region=region)


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ([of("a", 1000, 1000)], []),
        ([of("a", 1000, 1300)], []),  # within 10 % and 256 bytes
        ([of("a", 1000, 1357)], ["a"]),
        ([of("a", 1000, 0)], []),  # less is fine
        ([of("a", None, 10**6)], []),  # the plan does not know
        ([of("sum", 0, 800, times=100)], []),  # single values
        ([of("a", 8000, 0), of("copy", 0, 8000, region="")], []),  # another name
        ([of("a", 8000, 8000), of("copy", 0, 8000, region="")], ["copy"]),
        ([of("a", 8000, 0), of("x", 0, 8000, region=""), of("y", 0, 8000, region="")], ["y"]),
        ([of("a", None, 0), of("copy", 0, 8000, region="")], []),
    ],
)
def test_excess(found: list[Movement], named: list[str]) -> None:
    assert [m.array for m in excess(found)] == named


def test_the_table_leaves_out_what_neither_side_has() -> None:
    text = table([of("a", 1000, 900), of("b", 0, 0), of("c", None, 5)])
    assert [line.split()[0] for line in text.splitlines()] == ["array", "a", "c"]
    assert "?" in text.splitlines()[2]
