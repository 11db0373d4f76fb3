"""CUDA kernels in their drivers, emulated: what they give, and what is said of those that go wrong."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import loopwright
from loopwright.agents.cuda_translator import translation_of
from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.modes import FailureMode
from loopwright.core.task import Argument, Build, Case, Dtype, Init, Kernel, Language, Launch, Role, Task
from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding
from loopwright.gates.reports_cuda import cuda_findings, mode_of
from loopwright.harness.build import Builder
from loopwright.harness.cuda_builder import TranslationBuilder
from loopwright.harness.cuda_emulation.toolchain import EmulatedCuda, find_emulation
from loopwright.harness.types import BuildResult
from loopwright.system.sandbox import choose_runner
from loopwright.tasks.driver import DriverResult, driver_arguments, explain_exit, read_result
from loopwright.toolchains import trials
from loopwright.toolchains.toolchain import Toolchain, Variant
from loopwright.workbench.settings import Settings

_EXAMPLE = Path(__file__).parents[2] / "examples" / "cuda" / "softmax"
_RESULT = "result.bin"
N = 100
RIGHT, OUTSIDE, RACE, UNWRITTEN, INPUT, STUCK = range(6)

# Each block mirrors its part of x; `fault` chooses what goes wrong.
MIRROR = """\
__global__ void mirror(int n, int fault, const double *x, double *y, int *calls) {
    __shared__ double part[64];
    const int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
    part[t] = i < n + (fault == 1) ? x[i] : 0;
    if (fault != 2 && (fault != 5 || t < 32)) __syncthreads();
    const double other = part[63 - t];
    if (i < n && !(fault == 3 && i == 7)) y[i] = other;
    if (fault == 4 && i == 9) const_cast<double *>(x)[i] += 1;
    if (i == 0) calls[0] += 1;
}
"""
_READ, _STORED, _OTHER = (
    next(n for n, line in enumerate(MIRROR.splitlines(), 1) if text in line)
    for text in ("x[i] : 0", "part[t] = ", "other = part")
)
_MIRROR_KERNEL = Kernel(
    "mirror",
    "__global__ void mirror(int n, int fault, const double *x, double *y, int *calls)",
    (
        Argument("n", Role.IN, Dtype.I32, value="n"),
        Argument("fault", Role.IN, Dtype.I32, value="fault"),
        Argument("x", Role.IN, Dtype.F64, ("n",), init=Init("linspace", {"start": 1, "stop": "n"})),
        Argument("y", Role.OUT, Dtype.F64, ("n",)),
        Argument("calls", Role.INOUT, Dtype.I32, ("1",), init=Init("constant", {"value": 41})),
    ),
    language=Language.CUDA,
    launch=Launch(("(n + 63) // 64",), ("64",)),
)

# A function of the host that does all of it by itself, and gives something back; its header is CUDA, too.
SUM_HEADER = """\
#pragma once
#include <cuda_runtime.h>
__global__ void add(int n, const float *x, double *sum);
double sum_of(int n, float scale, const float *x);
"""
SUM = """\
#include "sum.cuh"
__global__ void add(int n, const float *x, double *sum) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) atomicAdd(sum, double(x[i]));
}
double sum_of(int n, float scale, const float *x) {
    float *d;
    double *s, sum = 0;
    if (cudaMalloc(&d, n * sizeof *d) != cudaSuccess || cudaMalloc(&s, sizeof sum) != cudaSuccess) return -1;
    cudaMemcpy(d, x, n * sizeof *d, cudaMemcpyHostToDevice);
    cudaMemcpy(s, &sum, sizeof sum, cudaMemcpyHostToDevice);
    add<<<(n + 31) / 32, 32>>>(n, d, s);
    cudaMemcpy(&sum, s, sizeof sum, cudaMemcpyDeviceToHost);
    cudaFree(d);
    cudaFree(s);
    return scale * sum;
}
"""
_SUM_KERNEL = Kernel(
    "sum_of",
    "__host__ double sum_of(int n, float scale, const float *x)",
    (
        Argument("n", Role.IN, Dtype.I32, value="n"),
        Argument("scale", Role.IN, Dtype.F32, value="0.5"),
        Argument("x", Role.IN, Dtype.F32, ("n",), init=Init("constant", {"value": 3})),
    ),
    language=Language.CUDA,
    returns=Dtype.F64,
    header="sum.cuh",
)


def cuda_task(text: str, kernel: Kernel, *cases: Case, header: str = "") -> Task:
    files = {"kernel.cu": text} | ({kernel.header: header} if kernel.header else {})
    return Task(
        name="kernel",
        tree=Tree({path: content.encode() for path, content in files.items()}),
        editable=("kernel.cu",),
        build=Build(sources=("kernel.cu",)),
        cases=cases,
        language=Language.CUDA,
        kernel=kernel,
    )


def built(task: Task, folder: Path, toolchain: Toolchain) -> BuildResult:
    build = Builder(task, choose_runner("none"), folder).build(task.tree, toolchain, Variant(("-O0",)))
    assert build.failure is None, build.log
    return build


@dataclass(frozen=True)
class Ran:
    """One execution of a driver. `result` is None when it left none."""

    done: subprocess.CompletedProcess[str]
    findings: tuple[Finding, ...]
    result: DriverResult | None

    @property
    def said(self) -> tuple[FailureMode, str] | None:
        return explain_exit(self.done.returncode, None, self.done.stderr)


def run(
    build: BuildResult, task: Task, case: Case, folder: Path, *forged: tuple[str, str], **options: object
) -> Ran:
    line = driver_arguments(task, case, result=_RESULT, **options)  # type: ignore[arg-type]
    for before, after in forged:
        assert before in line
        line = tuple(after if part == before else part for part in line)
    environment = {**os.environ, **build.toolchain.environment(build.variant), "LOOPWRIGHT_CUDA_RACES": "1"}
    done = subprocess.run(
        (str(build.executable), *line), cwd=folder, env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    findings = cuda_findings(done.stderr, task.tree, str(build.directory))
    path = folder / _RESULT
    result = read_result(path.read_bytes(), task, case) if path.is_file() and not done.returncode else None
    return Ran(done, findings, result)


@pytest.fixture(scope="module")
def emulated() -> EmulatedCuda:
    if not trials.symbolizer():
        pytest.skip("no addr2line here: no line can be named")
    try:
        return find_emulation()
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def mirror(emulated: EmulatedCuda, tmp_path_factory: pytest.TempPathFactory) -> tuple[BuildResult, Task]:
    task = cuda_task(MIRROR, _MIRROR_KERNEL)
    return built(task, tmp_path_factory.mktemp("mirror"), emulated), task


def case(fault: int) -> Case:
    return Case("c", params={"n": N, "fault": fault})


def mirrored() -> np.ndarray:
    padded = np.zeros(128)
    padded[:N] = np.linspace(1, N, N)
    return padded.reshape(2, 64)[:, ::-1].reshape(-1)[:N]


@pytest.mark.parametrize("placement", ["aligned", "end", "start"])
def test_a_launched_kernel_gets_its_arrays_and_gives_them_back(
    mirror: tuple[BuildResult, Task], tmp_path: Path, placement: str
) -> None:
    ran = run(*mirror, case(RIGHT), tmp_path, placement=placement)
    assert ran.result is not None, ran.done.stderr
    np.testing.assert_allclose(ran.result.outputs["y"], mirrored(), rtol=1e-15)
    assert ran.result.outputs["calls"].tolist() == [42]
    assert ran.result.untouched == {}


def test_every_call_finds_fresh_arrays_and_has_a_time_of_the_device_within_its_own(
    mirror: tuple[BuildResult, Task], tmp_path: Path
) -> None:
    ran = run(*mirror, case(RIGHT), tmp_path, repetitions=3, warmup=1)
    assert ran.result is not None, ran.done.stderr
    assert ran.result.outputs["calls"].tolist() == [42]
    assert len(ran.result.device_s) == 3
    for device_s, wall_s in zip(ran.result.device_s, ran.result.inner_s, strict=True):
        assert 0 < device_s < wall_s


def test_an_access_outside_names_the_array_and_the_line_of_the_kernel(
    mirror: tuple[BuildResult, Task], tmp_path: Path
) -> None:
    (finding,) = run(*mirror, case(OUTSIDE), tmp_path).findings
    assert mode_of(finding) is FailureMode.OUT_OF_BOUNDS
    assert "reads 8 bytes: just past the end of x (800 bytes of device memory)" in finding.what
    assert [str(place) for place in finding.places] == [f"kernel.cu:{_READ}"]


def test_a_missing_barrier_names_both_lines(mirror: tuple[BuildResult, Task], tmp_path: Path) -> None:
    findings = run(*mirror, case(RACE), tmp_path).findings
    assert findings and {mode_of(finding) for finding in findings} == {FailureMode.DATA_RACE}
    assert {place.line for finding in findings for place in finding.places} == {_STORED, _OTHER}


def test_a_barrier_that_half_a_block_reaches_is_named(
    mirror: tuple[BuildResult, Task], tmp_path: Path
) -> None:
    findings = run(*mirror, case(STUCK), tmp_path).findings
    assert FailureMode.BARRIER_DIVERGENCE in {mode_of(finding) for finding in findings}


def test_an_element_that_nobody_wrote_still_holds_the_poison(
    mirror: tuple[BuildResult, Task], tmp_path: Path
) -> None:
    result = run(*mirror, case(UNWRITTEN), tmp_path).result
    assert result is not None
    assert result.untouched == {"y": 1}
    assert np.flatnonzero(np.isnan(result.outputs["y"])).tolist() == [7]


def test_an_input_that_is_changed_on_the_device_is_named(
    mirror: tuple[BuildResult, Task], tmp_path: Path
) -> None:
    said = run(*mirror, case(INPUT), tmp_path).said
    assert said == (FailureMode.INPUT_MODIFIED, "the kernel changes x[9], which is an input")


@pytest.mark.parametrize(
    "forged", [("--block.x=64", "--block.x=1025"), ("--shared.bytes=0", "--shared.bytes=300000")]
)
def test_a_launch_that_a_device_refuses_is_an_error(
    mirror: tuple[BuildResult, Task], tmp_path: Path, forged: tuple[str, str]
) -> None:
    said = run(*mirror, case(RIGHT), tmp_path, forged).said
    assert said is not None and said[0] is FailureMode.CRASH
    assert "cannot be launched: mirror: cudaErrorInvalidConfiguration" in said[1]


def test_a_function_of_the_host_launches_by_itself_and_is_translated(
    emulated: EmulatedCuda, tmp_path: Path
) -> None:
    task = cuda_task(SUM, _SUM_KERNEL, Case("c", params={"n": 70}), header=SUM_HEADER)
    builder = TranslationBuilder(task, choose_runner("none"), tmp_path, emulated)
    for tree in (task.tree, task.tree.replaced(translation_of(task.tree).changes)):
        build = builder.build(tree, emulated.base, Variant(("-O0",)))
        assert build.failure is None, build.log
        result = run(build, task, task.cases[0], tmp_path).result
        assert result is not None
        assert result.outputs["return"].tolist() == [105]
        assert result.device_s == ()


def test_a_launch_of_the_driver_is_not_translated_and_says_so_at_once() -> None:
    with pytest.raises(UsageError, match="launched by Loopwright's driver") as caught:
        loopwright.check(_EXAMPLE, settings=Settings(sandbox="none", translate=True))
    assert "name a host function" in caught.value.hint
