"""Each fault is named, with its line; right programs are passed; what cannot be emulated is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from cuda_programs import CLEAN, FAULTY, HEAD, REFUSED, emulate, marked_lines

from loopwright.core.errors import ToolMissing
from loopwright.gates.reports_cuda import mode_of
from loopwright.harness.cuda_emulation.toolchain import EmulatedCuda, emulation
from loopwright.toolchains import discovery

_ROOT = Path(__file__).parents[2]
_EXAMPLES = {
    "stencil": (("37", "3"), ("64", "5")),
    "transpose": (("37", "21"), ("64", "48")),
    "histogram": (("1021",), ("5000",)),
}


@pytest.fixture
def toolchain(emulated_cuda: EmulatedCuda, named_lines: None) -> EmulatedCuda:
    return emulated_cuda


@pytest.fixture(scope="module")
def gcc() -> EmulatedCuda:
    try:
        return emulation(discovery.find("gcc"))
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_named_with_its_lines(name: str, toolchain: EmulatedCuda, tmp_path: Path) -> None:
    mode, text = FAULTY[name]
    ran = emulate(text, tmp_path, toolchain)
    assert ran.findings, ran.printed + ran.errors
    assert {str(mode_of(finding)) for finding in ran.findings} == {mode}
    assert {place.line for finding in ran.findings for place in finding.places} == marked_lines(text)


@pytest.mark.parametrize("name", CLEAN)
def test_a_right_program_is_passed(name: str, toolchain: EmulatedCuda, tmp_path: Path) -> None:
    ran = emulate(CLEAN[name], tmp_path, toolchain, seed=7)
    assert (ran.status, ran.errors) == (0, ""), ran.printed


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_emulated_is_named_and_not_built(
    what: str, toolchain: EmulatedCuda, tmp_path: Path
) -> None:
    ran = emulate(REFUSED[what], tmp_path, toolchain)
    assert ran.status is None
    assert f"not available without a device: {what}" in ran.printed


@pytest.mark.parametrize("name", _EXAMPLES)
def test_examples_are_right(name: str, toolchain: EmulatedCuda, tmp_path: Path) -> None:
    text = (_ROOT / "examples" / "cuda" / name / f"{name}.cu").read_text()
    for args in _EXAMPLES[name]:
        ran = emulate(text, tmp_path, toolchain, *args)
        assert (ran.status, ran.errors) == (0, ""), ran.printed


@pytest.mark.parametrize("name", ["missing-barrier", "one-past-the-end", "two-barriers", "host-reads-device"])
def test_gcc_serves_as_well(name: str, gcc: EmulatedCuda, tmp_path: Path) -> None:
    mode, text = FAULTY[name]
    ran = emulate(text, tmp_path, gcc)
    assert {str(mode_of(finding)) for finding in ran.findings} == {mode}, ran.printed + ran.errors
    assert {place.line for finding in ran.findings for place in finding.places} == marked_lines(text)


@pytest.mark.parametrize("name", ["warp-reduction", "last-block", "kinds-of-memory"])
def test_gcc_passes_right_programs(name: str, gcc: EmulatedCuda, tmp_path: Path) -> None:
    ran = emulate(CLEAN[name], tmp_path, gcc)
    assert (ran.status, ran.errors) == (0, ""), ran.printed


def test_the_order_of_blocks_follows_the_seed(toolchain: EmulatedCuda, tmp_path: Path) -> None:
    text = f"""{HEAD}
__device__ int next;
__global__ void k(int *order) {{
    if (threadIdx.x == 0) order[blockIdx.x] = atomicAdd(&next, 1);
}}
int main() {{
    int *d, h[50];
    cudaMalloc(&d, sizeof h);
    k<<<50, 32>>>(d);
    cudaMemcpy(h, d, sizeof h, cudaMemcpyDeviceToHost);
    for (int v : h) printf("%d ", v);
}}
"""
    orders = [emulate(text, tmp_path, toolchain, seed=seed).printed for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(map(int, orders[2].split())) == list(range(50))


def test_a_launch_that_a_device_would_refuse_is_an_error_and_not_run(
    toolchain: EmulatedCuda, tmp_path: Path
) -> None:
    text = f"""{HEAD}
__global__ void k(int *d) {{ d[0] = 1; }}
int main() {{
    int *d, h = 7;
    cudaMalloc(&d, 4);
    cudaMemcpy(d, &h, 4, cudaMemcpyHostToDevice);
    k<<<1, 1025>>>(d);
    cudaError_t status = cudaGetLastError();
    cudaMemcpy(&h, d, 4, cudaMemcpyDeviceToHost);
    printf("%s %d %d", cudaGetErrorName(status), h, cudaGetLastError() == cudaSuccess);
}}
"""
    assert emulate(text, tmp_path, toolchain).printed == "cudaErrorInvalidConfiguration 7 1"


def test_memory_that_was_never_written_is_no_zero(toolchain: EmulatedCuda, tmp_path: Path) -> None:
    text = f"""{HEAD}
__global__ void k(float *d) {{
    __shared__ float s[32];
    d[32 + threadIdx.x] = s[threadIdx.x];
}}
int main() {{
    float *d, h[64];
    cudaMalloc(&d, sizeof h);
    k<<<1, 32>>>(d);
    cudaMemcpy(h, d, sizeof h, cudaMemcpyDeviceToHost);
    int strange = 0;
    for (float v : h) strange += v != v;
    printf("%d", strange);
}}
"""
    assert emulate(text, tmp_path, toolchain).printed == "64"
