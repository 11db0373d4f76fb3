"""HIP on the processors: wavefronts of 64 lanes, faults by the names of HIP, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from cuda_programs import emulate, marked_lines

from loopwright.core.errors import ToolMissing
from loopwright.gates.reports_cuda import mode_of
from loopwright.harness.cuda_emulation.hip import HIP
from loopwright.harness.cuda_emulation.refusals import refusals
from loopwright.harness.cuda_emulation.toolchain import EmulatedCuda, find_hip_emulation
from loopwright.toolchains import trials

_HEAD = "#include <hip/hip_runtime.h>\n#include <cstdio>\n"
_MAIN = """
int main() {
    int h[256], *d;
    for (int i = 0; i < 256; i++) h[i] = i;
    if (hipMalloc(&d, sizeof h) != hipSuccess) return 3;
    (void)hipMemcpy(d, h, sizeof h, hipMemcpyHostToDevice);
    hipLaunchKernelGGL(HIP_KERNEL_NAME(k<int, 3>), dim3(2), dim3(128), 0, NULL, d, 0);
    if (hipGetLastError() != hipSuccess) return 4;
    (void)hipMemcpy(h, d, sizeof h, hipMemcpyDeviceToHost);
    for (int v : h) printf("%d ", v);
    return 0;
}
"""


@pytest.fixture(scope="module")
def toolchain() -> EmulatedCuda:
    if not trials.symbolizer():
        pytest.skip("no addr2line here: no line can be named")
    try:
        return find_hip_emulation()
    except ToolMissing as error:
        pytest.skip(str(error))


def kernel(body: str, before: str = "") -> str:
    """A program with a kernel of 2 blocks of 128 threads over an array `d` of 256 numbers."""
    return f"""{_HEAD}{before}
template <class T, int N> __global__ void k(T *d, int zero) {{
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t, lane = t % 64;
    {body}
}}{_MAIN}"""


def test_lanes_of_a_wavefront_exchange_values(toolchain: EmulatedCuda, tmp_path: Path) -> None:
    body = """
    static_assert(warpSize == 64, "known when it is compiled");
    int bad = 0;
    bad += __shfl(t, 63) != t - lane + 63;
    bad += __shfl_up(t, 1) != (lane ? t - 1 : t);
    bad += __shfl_down(t, 32) != (lane < 32 ? t + 32 : t);
    bad += __shfl_xor(t, 33) != (t ^ 33);
    bad += __shfl(t, 1, 8) != t - t % 8 + 1;
    bad += __ballot(lane == 40) != 1ull << 40 || __activemask() != ~0ull;
    bad += !__any(lane == 63) || __all(lane != 63) || __lane_id() != unsigned(lane);
    // Only some lanes come here: those take part.
    if (lane < 5) {
        bad += __ballot(1) != 31;
        bad += __shfl_down(t, 1, 8) == 0;
    }
    __syncthreads();
    if (bad) d[i] = -bad;
    if (t >= 64) return;
    int sum = t;
    for (int l = 32; l > 0; l /= 2) sum += __shfl_xor(sum, l);
    d[i] = sum - 10000 * bad + zero;"""
    text = kernel(body)
    ran = emulate(text, tmp_path, toolchain, seed=5, name="p.hip")
    assert (ran.status, ran.errors) == (0, ""), ran.printed
    values = [int(word) for word in ran.printed.split()]
    assert values[:64] == values[128:192] == [2016] * 64
    assert values[64:128] == list(range(64, 128))
    assert values[192:] == list(range(192, 256))


def test_faults_are_named_as_hip_has_them(toolchain: EmulatedCuda, tmp_path: Path) -> None:
    # What a wavefront in lockstep would do in order is in none without a barrier.
    lockstep = kernel("""__shared__ int s[128];
    s[t] = d[i];  // fault
    d[i] = s[t ^ 1];  // fault""")
    ran = emulate(lockstep, tmp_path, toolchain, name="main.cpp")
    assert {str(mode_of(finding)) for finding in ran.findings} == {"data_race"}
    assert {place.line for finding in ran.findings for place in finding.places} == marked_lines(lockstep)

    wrong = kernel("d[i] = N;").replace(
        "(void)hipMemcpy(h, d, sizeof h, hipMemcpyDeviceToHost);",
        "(void)hipMemcpy(h, d, sizeof h, hipMemcpyHostToDevice);  // fault",
    )
    ran = emulate(wrong, tmp_path, toolchain, name="p.hip")
    (finding,) = ran.findings
    assert finding.what.startswith("hipMemcpy says that the source is on the host")
    assert {place.line for place in finding.places} == marked_lines(wrong)


def test_an_order_that_only_the_compiler_knows_is_refused(toolchain: EmulatedCuda, tmp_path: Path) -> None:
    text = kernel("""if (lane % 2) {
        d[i] = __ballot(1) != 0;
    } else {
        d[i] = __shfl(t, 4);
    }""")
    ran = emulate(text, tmp_path, toolchain, name="p.hip")
    (finding,) = ran.findings
    assert finding.doubt == "not available without a device"
    assert finding.what.startswith("lanes of one wavefront exchange values in different places at a time")
    lines = text.splitlines()
    assert all(("__ballot" in lines[p.line - 1]) or ("__shfl" in lines[p.line - 1]) for p in finding.places)
    assert finding.places


def test_what_a_device_would_refuse_is_an_error_of_hip(toolchain: EmulatedCuda, tmp_path: Path) -> None:
    text = f"""{_HEAD}
__global__ void k(int *d) {{ d[0] = 1; }}
int main() {{
    hipDeviceProp_t p;
    (void)hipGetDeviceProperties(&p, 0);
    k<<<1, 64, 65537>>>(nullptr);
    printf("%s %d %s", hipGetErrorName(hipGetLastError()), p.warpSize, hipGetErrorString(hipSetDevice(3)));
}}
"""
    ran = emulate(text, tmp_path, toolchain, name="p.hip")
    assert ran.printed == "hipErrorInvalidConfiguration 64 hipErrorInvalidDevice"


@pytest.mark.parametrize(("line", "what"), [
    ("#include <rocprim/rocprim.hpp>", "rocPRIM"),
    ("int v = __shfl_down_sync(~0ull, d[0], 1);", "warp intrinsics with _sync"),
    ("__syncwarp();", "warp intrinsics with _sync"),
    ("__builtin_amdgcn_s_barrier();", "built-in functions of AMD's compiler"),
    ('asm volatile("s_nop 0");', "inline assembly"),
    ("cudaMalloc(&d, 4);", "names of CUDA"),
    ("rocblas_handle h;", "AMD's libraries"),
    ("hipModule_t m;", "modules and compilation at run time"),
    ("__half h;", "half precision"),
])  # fmt: skip
def test_what_cannot_be_emulated_is_named(line: str, what: str) -> None:
    found = refusals({"a.cpp": f"#include <hip/hip_runtime.h>\n{line}\n".encode()}, HIP)
    assert [str(each) for each in found] == [f"{what} (a.cpp:2)"]


def test_what_hip_has_and_cuda_has_not_is_emulated() -> None:
    text = b"#include <hip/hip_runtime.h>\n__global__ void k(int *d) { d[0] = __shfl(d[0], 3) + __any(1); }\n"
    assert refusals({"a.hip": text}, HIP) == ()
    assert [each.what for each in refusals({"a.hip": text})] == ["warp intrinsics without _sync"]
