"""Whether the work really runs in target regions: tricks and half-hearted regions fail, honest ones pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from offload_programs import offload_context

from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.gate import Subject
from loopwright.gates.offloaded import OFFLOADED, Share

# A few sweeps over a line of cells; {region} stands before the sweep, {before} and {after} around all.
SWEEPS = """\
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{{
    int n = 300, steps = 12;
    double *u = malloc(n * sizeof *u), *v = malloc(n * sizeof *v), sum = 0.0;
    for (int i = 0; i < n; i++)
        u[i] = v[i] = i % 11;
{before}
    for (int s = 0; s < steps; s++) {{
{sweep}
        for (int i = 1; i < n - 1; i++)
            v[i] = 0.5 * u[i] + 0.25 * (u[i - 1] + u[i + 1]);
{copy}
        for (int i = 1; i < n - 1; i++)
            u[i] = v[i];
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
LOOP = "#pragma omp target teams distribute parallel for map(tofrom : u[0 : n], v[0 : n])"
OPEN = "#pragma omp target data map(tofrom : u[0 : n]) map(to : v[0 : n])\n    {"


def program(before: str = "", sweep: str = "", copy: str = "", after: str = "") -> str:
    return SWEEPS.format(before=before, sweep=sweep, copy=copy, after=after)


def judged(candidate: str, scratch: Path) -> GateResult:
    context = offload_context(program(), scratch)
    assert OFFLOADED.available(context) == ""
    return OFFLOADED.check(Subject(Tree({"program.c": candidate.encode()})), context)


EMPTY = "#pragma omp target map(tofrom : u[0 : n])\n    { }"
DUMMY = "#pragma omp target map(tofrom : u[0 : n])\n    for (int i = 0; i < n; i++)\n        u[i] += 0.0;"
BUSY = """\
    double *waste = malloc(n * sizeof *waste);
#pragma omp target map(alloc : waste[0 : n])
    for (int k = 0; k < 100; k++)
        for (int i = 0; i < n; i++)
            waste[i] = k + i;"""
OFF = LOOP + " if(target : 0)"
ELSEWHERE = LOOP + " device(omp_get_initial_device())"
TRICKS = {
    "nothing": program(),
    "an empty region": program(before=EMPTY),
    "a dummy region": program(before=DUMMY),
    "a busy region beside the work": program(before=BUSY),
    "if(0)": program(sweep=OFF, copy=OFF),
    "the initial device": program(sweep=ELSEWHERE, copy=ELSEWHERE),
    "another default device": program(
        before="    omp_set_default_device(omp_get_initial_device());", sweep=LOOP, copy=LOOP
    ),
    "threads of the host": program(sweep="#pragma omp parallel for", copy="#pragma omp parallel for"),
    "initialisation alone": program(before=DUMMY.replace("+= 0.0", "= v[i] = i % 11")),
}
HONEST = {
    "each loop": program(sweep=LOOP, copy=LOOP),
    "a data region": program(
        before=OPEN,
        sweep="#pragma omp target teams distribute parallel for",
        copy="#pragma omp target teams distribute parallel for",
        after="    }",
    ),
}


@pytest.mark.parametrize("name", TRICKS)
def test_work_that_stays_on_the_host_is_not_offloaded(name: str, tmp_path: Path) -> None:
    result = judged(TRICKS[name], tmp_path)
    assert result.failure is not None, result
    assert result.failure.mode is FailureMode.NOT_OFFLOADED
    assert "0% of the work" in result.failure.message
    line = next(
        number for number, text in enumerate(TRICKS[name].splitlines(), start=1) if "v[i] = 0.5" in text
    )
    assert f"program.c:{line}" in result.failure.evidence["lines"].split(", ")


@pytest.mark.parametrize("name", HONEST)
def test_honest_regions_pass(name: str, tmp_path: Path) -> None:
    result = judged(HONEST[name], tmp_path)
    assert result.status is GateStatus.PASS, result
    assert "100% of the work" in result.reason or "9" in result.reason.partition("%")[0]


def test_half_of_the_loops_is_told_as_a_share(tmp_path: Path) -> None:
    result = judged(program(sweep=LOOP), tmp_path)
    share = int(result.reason.partition("%")[0].rpartition(" ")[2])
    assert 35 < share < 85, result


def test_a_share_is_never_raised_by_waste_or_by_less_work() -> None:
    assert Share(movable=1000, left=1000, device=10**9).value == 0.0
    assert Share(movable=1000, left=0, device=0).value == 0.0
    assert Share(movable=1000, left=0, device=10).value == 1.0
    assert Share(movable=1000, left=400, device=600).value == pytest.approx(0.6)
