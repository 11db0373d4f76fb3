"""What is handed over compiles for a GPU, or it is said why nobody could tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gate_programs import program_context

from loopwright.core.errors import ToolMissing
from loopwright.core.modes import FailureMode
from loopwright.core.task import Argument, Case, Dtype, Kernel, Role, Target
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.device_build import DeviceBuildGate
from loopwright.gates.gate import Subject
from loopwright.toolchains import devices
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.device import Device
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import Variant

ORIGINAL = """\
#include <stdio.h>
int main(void) {
    double x[64];
    for (int i = 0; i < 64; i++)
        x[i] = i;
    printf("%g\\n", x[63]);
    return 0;
}
"""
LOOP = "    for (int i = 0; i < 64; i++)\n        x[i] = i;"
DIRECTIVE = "#pragma omp target teams distribute parallel for map(from : x)\n"
RIGHT = ORIGINAL.replace(LOOP, DIRECTIVE + LOOP)
# A function that only the host has: the host device shares it, a GPU does not.
HOST_ONLY = RIGHT.replace("x[i] = i;", "x[i] = (double)getc(stdin);")


def judged(original: str, candidate: str, scratch: Path, **changes: object) -> GateResult:
    try:
        toolchain = devices.find_offload(None)
    except ToolMissing as missing:
        pytest.skip(f"{missing}")
    assert isinstance(toolchain, Clang)
    if not devices.tried(toolchain, Device.NVPTX).compiled:
        pytest.skip("no code for a GPU can be made here")
    context = program_context(original, scratch, **changes)
    variant = Variant(("-O1",), Target.OFFLOAD, device=Device.HOST)
    context = replace(context, toolchain=toolchain, variant=variant)
    gate = DeviceBuildGate()
    assert gate.available(context) == ""
    return gate.check(Subject(Tree({"program.c": candidate.encode()})), context)


def test_what_compiles_for_a_gpu_passes_and_is_not_said_to_have_run(tmp_path: Path) -> None:
    result = judged(ORIGINAL, RIGHT, tmp_path)
    assert result.status is GateStatus.PASS
    assert "compiled for sm_" in result.reason and "not run" in result.reason


def test_a_function_that_no_gpu_has_is_found(tmp_path: Path) -> None:
    result = judged(ORIGINAL, HOST_ONLY, tmp_path)
    assert result.failure is not None
    assert result.failure.mode is FailureMode.BUILD_ERROR and result.failure.gate == "gpu-build"


def test_a_task_that_never_compiled_for_one_is_not_held_against_the_candidate(tmp_path: Path) -> None:
    result = judged(HOST_ONLY, HOST_ONLY, tmp_path)
    assert result.status is GateStatus.NOT_AVAILABLE and "original" in result.reason


def test_a_kernel_is_compiled_without_its_driver_which_no_gpu_could_run(tmp_path: Path) -> None:
    """The driver of a kernel has guard pages, system calls and assembly of the processor."""
    scale = (
        "void scale(int n, double *x)\n{{\n{}    for (int i = 0; i < n; i++)\n        x[i] = 2.0 * {};\n}}\n"
    )
    directive = "#pragma omp target teams distribute parallel for map(tofrom : x[0 : n])\n"
    kernel = Kernel(
        function="scale",
        prototype="void scale(int n, double *x)",
        arguments=(
            Argument("n", Role.IN, Dtype.I32, value="n"),
            Argument("x", Role.INOUT, Dtype.F64, ("n",)),
        ),
    )
    plain = scale.format("", "x[i]")
    changes = {"kernel": kernel, "cases": (Case("only", params={"n": 150}),)}
    right = judged(plain, scale.format(directive, "x[i]"), tmp_path, **changes)
    assert right.status is GateStatus.PASS and "compiled for sm_" in right.reason
    host_only = scale.format(directive, "(double)getc(stdin)").replace("void", "#include <stdio.h>\nvoid", 1)
    wrong = judged(plain, host_only, tmp_path, **changes)
    assert wrong.failure is not None and wrong.failure.gate == "gpu-build"


def test_a_compiler_that_cannot_says_why(tmp_path: Path) -> None:
    context = replace(program_context(ORIGINAL, tmp_path), toolchain=find("gcc"))
    context = replace(context, variant=Variant((), Target.OFFLOAD))
    assert "gcc" in DeviceBuildGate().available(context)
