"""Kernel tasks and C++ under the gates of offloaded programs: the driver's arrays are the host's, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from offload_programs import offload_context

from loopwright.core.modes import FailureMode
from loopwright.core.task import Argument, Build, Case, Dtype, Kernel, Language, Role
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.gate import Subject
from loopwright.gates.mapping import MAPPING
from loopwright.gates.offloaded import OFFLOADED

SCALE = """\
void scale(int n, const double *x, double *y)
{{
{region}
    for (int i = 0; i < n; i++)
        y[i] = 2.0 * x[i] + y[i];
}}
"""
REGION = "#pragma omp target teams distribute parallel for"
KERNEL = Kernel(
    function="scale",
    prototype="void scale(int n, const double *x, double *y)",
    arguments=(
        Argument("n", Role.IN, Dtype.I32, value="n"),
        Argument("x", Role.IN, Dtype.F64, ("n",)),
        Argument("y", Role.INOUT, Dtype.F64, ("n",)),
    ),
)
CXX = """\
#include <cstdio>
#include <vector>
int main()
{{
    std::vector<double> cells(200, 1.0);
    double *data = cells.data(), sum = 0.0;
    const int n = static_cast<int>(cells.size());
#pragma omp target teams distribute parallel for map({way} : data[0 : n])
    for (int i = 0; i < n; i++)
        data[i] += i;
    for (double cell : cells)
        sum += cell;
    std::printf("%g\\n", sum);
}}
"""


def judged_kernel(region: str, scratch: Path) -> tuple[GateResult, GateResult]:
    context = offload_context(
        SCALE.format(region=""), scratch, kernel=KERNEL, cases=(Case("only", params={"n": 150}),)
    )
    subject = Subject(Tree({"program.c": SCALE.format(region=region).encode()}))
    return MAPPING.check(subject, context), OFFLOADED.check(subject, context)


def test_an_array_of_the_driver_that_is_not_mapped_is_named(tmp_path: Path) -> None:
    mapping, _ = judged_kernel(f"{REGION} map(to : x[0 : n])", tmp_path)
    assert mapping.failure is not None and mapping.failure.mode is FailureMode.WRONG_MAPPING, mapping
    assert mapping.failure.evidence["variable"] == "y"
    assert mapping.failure.evidence["lines"] == "program.c:5"


def test_a_kernel_that_is_mapped_rightly_passes(tmp_path: Path) -> None:
    mapping, offloaded = judged_kernel(f"{REGION} map(to : x[0 : n]) map(tofrom : y[0 : n])", tmp_path)
    assert (mapping.status, offloaded.status) == (GateStatus.PASS, GateStatus.PASS), (mapping, offloaded)


@pytest.mark.parametrize(("way", "wrong"), [("tofrom", False), ("to", True)])
def test_cxx(way: str, wrong: bool, tmp_path: Path) -> None:
    context = offload_context("", tmp_path)
    task = replace(
        context.task,
        language=Language.CXX,
        tree=Tree({"program.cpp": b"int main() { return 0; }\n"}),
        build=Build(sources=("program.cpp",)),
        editable=("program.cpp",),
    )
    context = replace(
        context,
        task=task,
        builder=type(context.builder)(task, context.builder.runner, tmp_path),
        cases=type(context.cases)(task, context.builder.runner, tmp_path, cores=2),
    )
    result = MAPPING.check(Subject(Tree({"program.cpp": CXX.format(way=way).encode()})), context)
    if wrong:
        assert result.failure is not None and result.failure.evidence["lines"] == "program.cpp:11", result
        assert result.failure.evidence["variable"] == "data"
    else:
        assert result.status is GateStatus.PASS, result
