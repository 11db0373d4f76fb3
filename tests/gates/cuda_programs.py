"""CUDA programs with a fault, on lines that say `fault`, and right ones that are easily taken for wrong."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding
from loopwright.gates.reports_cuda import cuda_findings
from loopwright.harness.build import materialise
from loopwright.harness.cuda_emulation.toolchain import EmulatedCuda
from loopwright.toolchains.toolchain import Purpose, Variant

HEAD = "#include <cuda_runtime.h>\n#include <cstdio>\n#include <cstring>\n"


@dataclass(frozen=True)
class Emulated:
    """What became of a program. `status` is None when it did not compile; then `printed` says why."""

    status: int | None
    printed: str
    errors: str
    findings: tuple[Finding, ...] = ()


def emulate(
    text: str,
    folder: Path,
    toolchain: EmulatedCuda,
    *args: str,
    seed: int = 1,
    timeout_s: float = 60,
    name: str = "p.cu",
) -> Emulated:
    """Compile the program `text`, a file called `name`, for the emulation and run it, without a sandbox."""
    tree = Tree({name: text.encode()})
    materialise(toolchain.prepared(tree), folder)
    variant = Variant((), purpose=Purpose.RACES)
    compiler = str(toolchain.compiler(Language.CUDA))
    compile_it = (
        *toolchain.compile_flags(variant),
        *toolchain.source_flags(name),
        "-c",
        name,
        "-o",
        "p.o",
    )
    for command in ((compiler, *compile_it), (compiler, "p.o", "-o", "p", *toolchain.link_flags(variant))):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return Emulated(None, done.stderr, done.stderr)
    environment = {**os.environ, **toolchain.environment(variant), "LOOPWRIGHT_CUDA_SEED": str(seed)}
    ran = subprocess.run(
        ("./p", *args),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Emulated(ran.returncode, ran.stdout, ran.stderr, cuda_findings(ran.stderr, tree, str(folder)))


def marked_lines(text: str) -> frozenset[int]:
    """The lines of `text` that say `fault`."""
    return frozenset(n for n, line in enumerate(text.splitlines(), start=1) if "// fault" in line)


def on_one_array(kernel: str, launch: str, before: str = "", after: str = "") -> str:
    """A program with `kernel`, and a device array `d` of 256 ints that is 0 to 255."""
    return f"""{HEAD}{kernel}
int main() {{
    int h[256], *d;
    for (int i = 0; i < 256; i++) h[i] = i;
    cudaMalloc(&d, sizeof h);
    cudaMemcpy(d, h, sizeof h, cudaMemcpyHostToDevice);
    {before};
    {launch};
    {after}
    if (cudaGetLastError() != cudaSuccess) return 3;
    cudaMemcpy(h, d, sizeof h, cudaMemcpyDeviceToHost);
    long total = 0;
    for (int i = 0; i < 256; i++) total += long(h[i]) * (i + 1);
    printf("%ld\\n", total);
    return 0;
}}
"""


_AT = "int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;"

FAULTY: dict[str, tuple[str, str]] = {
    "missing-barrier": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int s[64];
    s[t] = d[i];  // fault
    d[i] = s[63 - t];  // fault
}}""", "k<<<4, 64>>>(d)")),
    "missing-second-barrier": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int s[64];
    s[t] = d[i];
    for (int r = 1; r < 64; r *= 2) {{
        __syncthreads();
        int v = s[(t + r) % 64];  // fault
        s[t] += v;  // fault
    }}
    d[i] = s[t];
}}""", "k<<<4, 64>>>(d)")),
    "blocks-that-share": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT}
    d[t] += i;  // fault
}}""", "k<<<4, 64>>>(d)")),
    "neighbour-block": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT}
    if (i < 255) d[i] = d[i + 1] + 1;  // fault
}}""", "k<<<4, 64>>>(d)")),
    "missing-fence": ("data_race", on_one_array(f"""
__device__ unsigned done;
__global__ void k(int *d) {{
    {_AT}
    if (t == 0) {{
        d[blockIdx.x] = i + 7;  // fault
        if (atomicAdd(&done, 1u) == gridDim.x - 1)
            for (unsigned b = 0; b < gridDim.x; b++)
                d[128] += d[b];  // fault
    }}
}}""", "k<<<4, 64>>>(d)")),
    "plain-histogram": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int bins[8];
    if (t < 8) bins[t] = 0;
    __syncthreads();
    bins[d[i] % 8]++;  // fault
    __syncthreads();
    if (t < 8) atomicAdd(&d[t], bins[t]);
}}""", "k<<<1, 256>>>(d)")),
    "atomic-and-plain": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int most;
    if (t == 0) most = 0;
    __syncthreads();
    atomicMax(&most, d[i]);  // fault
    d[i] = most;  // fault
}}""", "k<<<1, 256>>>(d)")),
    "missing-syncwarp": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int s[32];
    s[t] = d[i];  // fault
    d[i] = s[t ^ 1];  // fault
}}""", "k<<<1, 32>>>(d)")),
    "shuffle-is-no-barrier": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int s[32];
    s[t] = d[i];  // fault
    int v = __shfl_xor_sync(~0u, t, 1);
    d[i] = s[v];  // fault
}}""", "k<<<1, 32>>>(d)")),
    "same-byte": ("data_race", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} unsigned char *b = (unsigned char *)d;
    b[i / 2] = (unsigned char)(i + 1);  // fault
}}""", "k<<<2, 64>>>(d)")),
    "one-past-the-end": ("out_of_bounds", on_one_array(f"""
__global__ void k(int n, int *d) {{
    {_AT}
    if (i <= n)
        d[i] += 1;  // fault
}}""", "k<<<5, 64>>>(256, d)")),
    "before-the-start": ("out_of_bounds", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT}
    int left = d[i - 1];  // fault
    __syncthreads();
    d[i] = left;
}}""", "k<<<1, 64>>>(d)")),
    "shared-index": ("out_of_bounds", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int s[64];
    s[t] = d[i];
    __syncthreads();
    d[i] = s[t + 1];  // fault
}}""", "k<<<4, 64>>>(d)")),
    "dynamic-shared-too-small": ("out_of_bounds", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} extern __shared__ int s[];
    s[t] = d[i];  // fault
    __syncthreads();
    d[i] = s[0];
}}""", "k<<<4, 64, 63 * sizeof(int)>>>(d)")),
    "helper-with-a-wrong-bound": ("out_of_bounds", on_one_array(f"""
__device__ __noinline__ int total(const int *from, int n) {{
    int sum = 0;
    for (int k = 0; k <= n; k++)
        sum += from[k];  // fault
    return sum;
}}
__global__ void k(int *d) {{
    {_AT}
    int sum = total(d, 256);
    if (sum < 0) d[i] = sum;
}}""", "k<<<1, 32>>>(d)")),
    "copy-too-long": ("out_of_bounds", on_one_array(
        "__global__ void k(int *d) { d[threadIdx.x] = 1; }", "k<<<1, 32>>>(d)", after="""static int two[512];
    cudaMemcpy(two, d, 300 * sizeof(int), cudaMemcpyDeviceToHost);  // fault""")),
    "used-after-free": ("memory_error", on_one_array(f"""
__global__ void k(int *d, int *e) {{
    {_AT}
    d[i] += e[i];  // fault
}}""", "k<<<4, 64>>>(d, e)", before="int *e; cudaMalloc(&e, sizeof h); cudaFree(e)")),
    "host-reads-device": ("memory_error", on_one_array(
        "__global__ void k(int *d) { d[threadIdx.x] = 1; }", "k<<<1, 32>>>(d)", after="""
    if (d[3] == 4) return 5;  // fault""")),
    "host-copies-device": ("memory_error", on_one_array(
        "__global__ void k(int *d) { d[threadIdx.x] = 1; }", "k<<<1, 32>>>(d)", after="""
    memcpy(h, d, sizeof h);  // fault""")),
    "host-writes-device-variable": ("memory_error", on_one_array(
        "__device__ int scale;\n__global__ void k(int *d) { d[threadIdx.x] *= scale; }", "k<<<1, 32>>>(d)",
        before="\n    scale = 3;  // fault")),
    "kernel-reads-host": ("memory_error", on_one_array(f"""
__global__ void k(int *d, const int *factors) {{
    {_AT}
    d[i] *= factors[t];  // fault
}}""", "k<<<4, 64>>>(d, h)")),
    "null-pointer": ("memory_error", on_one_array(f"""
__global__ void k(int *d, const int *factors) {{
    {_AT}
    d[i] *= factors[t];  // fault
}}""", "k<<<4, 64>>>(d, NULL)")),
    "local-memory-of-another": ("memory_error", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int *where;
    int own[4] = {{t, t, t, t}};
    if (t == 0) where = own;
    __syncthreads();
    d[i] = where[i % 4];  // fault
    __syncthreads();
    d[i] += own[i % 4];
}}""", "k<<<1, 64>>>(d)")),
    "constant-is-written": ("memory_error", on_one_array(f"""
__constant__ int c[4];
__global__ void k(int *d) {{
    {_AT}
    int *p = (int *)(size_t)c;
    p[i % 4] = d[i];  // fault
}}""", "k<<<1, 4>>>(d)")),
    "wrong-direction": ("memory_error", on_one_array(
        "__global__ void k(int *d) { d[threadIdx.x] = 1; }", "k<<<1, 32>>>(d)", after="""
    cudaMemcpy(h, d, sizeof h, cudaMemcpyHostToDevice);  // fault""")),
    "freed-twice": ("memory_error", on_one_array(
        "__global__ void k(int *d) { d[threadIdx.x] = 1; }", "k<<<1, 32>>>(d)", before="""int *e;
    cudaMalloc(&e, 64);
    cudaFree(e);
    cudaFree(e);  // fault""")),
    "barrier-for-some": ("barrier_divergence", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT}
    if (t < 48) {{
        d[i] += 1;
        __syncthreads();  // fault
    }}
    d[i] += 2;
}}""", "k<<<1, 64>>>(d)")),
    "left-before-the-barrier": ("barrier_divergence", on_one_array(f"""
__global__ void k(int n, int *d) {{
    {_AT} __shared__ int s[64];
    if (i >= n) return;
    s[t] = d[i];
    __syncthreads();  // fault
    d[i] = s[0];
}}""", "k<<<4, 64>>>(250, d)")),
    "two-barriers": ("barrier_divergence", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT}
    if (t % 2) {{
        d[i] += 1;
        __syncthreads();  // fault
    }} else {{
        d[i] += 2;
        __syncthreads();  // fault
    }}
}}""", "k<<<1, 64>>>(d)")),
    "half-a-warp-shuffles": ("barrier_divergence", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT}
    if (t < 16)
        d[i] += __shfl_down_sync(0xffffffffu, d[i], 1);  // fault
    __syncthreads();  // fault
}}""", "k<<<1, 32>>>(d)")),
    "mask-without-itself": ("memory_error", on_one_array(f"""
__global__ void k(int *d) {{
    {_AT}
    d[i] += __shfl_down_sync(0x0000ffffu, d[i], 1);  // fault
}}""", "k<<<1, 32>>>(d)")),
}  # fmt: skip

_SAXPY = """
template <class T> struct Scale { T a; __host__ __device__ T operator()(T x) const { return a * x; } };
template <class T, class F> __global__ void map(T *d, int n, F f) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) d[i] = f(d[i]);
}"""

CLEAN: dict[str, str] = {
    "templates-and-functors": on_one_array(_SAXPY, "map<<<3, 32>>>(d, 256, Scale<int>{3})"),
    "written-over-two-lines": on_one_array(_SAXPY, """map<int,
        Scale<int> >
        <<< dim3(2), /* > */ dim3(64),
            0>>>
        (d, 256, Scale<int>{2})"""),
    "same-value-by-all": on_one_array(f"""
__global__ void k(int *d, int *any) {{
    {_AT} __shared__ bool found;
    found = false;
    __syncthreads();
    if (d[i] > 10) found = true;
    if (d[i] > 10) *any = 1;
    __syncthreads();
    if (found) d[i] += 1;
}}""", "k<<<4, 64>>>(d, any)", before="int *any; cudaMalloc(&any, 4); cudaMemset(any, 0, 4)"),
    "neighbouring-bytes": on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} unsigned char *b = (unsigned char *)d;
    __shared__ unsigned char s[64];
    s[t] = b[i];
    __syncthreads();
    b[i] = (unsigned char)(s[63 - t] + 1);
}}""", "k<<<16, 64>>>(d)"),
    "double-buffer-scan": on_one_array("""
__global__ void k(int *d) {
    __shared__ int s[2][256];
    int t = threadIdx.x, from = 0;
    s[0][t] = d[t];
    __syncthreads();
    for (int r = 1; r < 256; r *= 2) {
        s[1 - from][t] = s[from][t] + (t >= r ? s[from][t - r] : 0);
        from = 1 - from;
        __syncthreads();
    }
    d[t] = s[from][t];
}""", "k<<<1, 256>>>(d)"),
    "bitonic-sort": on_one_array("""
__global__ void k(int *d) {
    extern __shared__ int s[];
    int t = threadIdx.x;
    s[t] = (d[t] * 37) % 256;
    __syncthreads();
    for (int size = 2; size <= 256; size *= 2)
        for (int step = size / 2; step > 0; step /= 2) {
            int other = t ^ step;
            if (other > t && (s[t] > s[other]) == ((t & size) == 0)) {
                int v = s[t];
                s[t] = s[other];
                s[other] = v;
            }
            __syncthreads();
        }
    d[t] = s[t];
}""", "k<<<1, 256, 256 * sizeof(int)>>>(d)"),
    "warp-reduction": on_one_array(f"""
__global__ void k(int *d, int *sum) {{
    {_AT} __shared__ int part[8];
    int v = d[i];
    for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_down_sync(0xffffffff, v, lanes);
    if (t % 32 == 0) part[t / 32] = v;
    __syncthreads();
    if (t < 8) {{
        v = part[t];
        for (int lanes = 4; lanes > 0; lanes /= 2) v += __shfl_down_sync(0xff, v, lanes, 8);
        if (t == 0) atomicAdd(sum, v);
    }}
    unsigned odd = __ballot_sync(~0u, t & 1);
    if (odd != 0xaaaaaaaau || !__any_sync(~0u, t % 32 == 3) || __all_sync(~0u, t % 32 == 3)) d[i] = -1;
    if (__shfl_xor_sync(~0u, t, 5) != (t ^ 5) || __shfl_up_sync(~0u, t, 1) != (t % 32 ? t - 1 : t)) d[i] = -2;
    if (__syncthreads_count(t < 100) != 100 || __syncthreads_or(t == 3) == 0) d[i] = -3;
    if (__syncthreads_and(t != 3)) d[i] = -4;
}}""", "k<<<1, 256>>>(d, sum)", before="int *sum; cudaMalloc(&sum, 4); cudaMemset(sum, 0, 4)"),
    "warps-exchange": on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int s[64];
    s[t] = d[i];
    __syncwarp();
    int v = s[t ^ 1];
    __syncwarp();
    s[t] = v;
    __syncwarp();
    d[i] = s[t ^ 2];
}}""", "k<<<4, 64>>>(d)"),
    "last-block": on_one_array(f"""
__device__ unsigned done;
__global__ void k(int *d, int *part, int *sum) {{
    {_AT} __shared__ bool last;
    part[i] = 2 * d[i];
    __threadfence();
    __syncthreads();
    if (t == 0) last = atomicInc(&done, gridDim.x) == gridDim.x - 1;
    __syncthreads();
    if (last) {{
        for (int b = t; b < 256; b += 64) atomicAdd(sum, part[b]);
        __syncthreads();
        if (t == 0) d[0] = *sum;
    }}
}}""", "k<<<4, 64>>>(d, part, sum)",
        before="int *part, *sum; cudaMalloc(&part, 1024); cudaMalloc(&sum, 4); cudaMemset(sum, 0, 4)"),
    "spin-lock": on_one_array(f"""
__device__ int lock, count;
__global__ void k(int *d) {{
    {_AT}
    bool done = false;
    while (!done) {{
        if (atomicCAS(&lock, 0, 1) == 0) {{
            __threadfence();
            count = count + d[i];
            __threadfence();
            atomicExch(&lock, 0);
            done = true;
        }}
    }}
}}""", "k<<<4, 64>>>(d)", after="""int c;
    cudaMemcpyFromSymbol(&c, count, sizeof c);
    if (c != 32640) return 4;"""),
    "waits-for-a-thread": on_one_array(f"""
__global__ void k(int *d) {{
    {_AT} __shared__ int flag;
    if (t == 0) flag = 0;
    __syncthreads();
    if (t == 5) {{
        d[i] = 1000;
        __threadfence();
        atomicExch(&flag, 1);
    }} else if (t == 40) {{
        while (atomicAdd(&flag, 0) == 0) {{}}
        d[i] = d[5];
    }}
}}""", "k<<<1, 64>>>(d)"),
    "kinds-of-memory": on_one_array("""
__constant__ float weights[4];
__device__ int table[4] = {1, 2, 3, 4};
__device__ int *chosen;
__global__ void k(int *d, int *managed, const int *pinned) {
    int t = threadIdx.x;
    chosen = d;
    d[t] += int(weights[t % 4]) + table[t % 4] + pinned[t];
    managed[t] = d[t];
}""", "k<<<1, 64>>>(d, managed, pinned)", before="""int *managed, *pinned;
    cudaMallocManaged(&managed, 64 * sizeof(int));
    cudaMallocHost((void **)&pinned, 64 * sizeof(int));
    for (int i = 0; i < 64; i++) pinned[i] = managed[i] = i;
    float w[4] = {1, 2, 3, 4};
    cudaMemcpyToSymbol(weights, w, sizeof w)""", after="""cudaDeviceSynchronize();
    if (managed[10] != 10 + 3 + 3 + 10) return 4;
    cudaFree(managed);
    cudaFreeHost(pinned);"""),
    "streams-events-pitch": on_one_array("""
__global__ void k(char *rows, size_t pitch, int *d) {
    int *row = (int *)(rows + blockIdx.x * pitch);
    row[threadIdx.x] += d[threadIdx.x];
}""", "k<<<dim3(4), dim3(16, 1, 1), 0, stream>>>(rows, pitch, d)", before="""char *rows;
    size_t pitch;
    cudaStream_t stream;
    cudaEvent_t a, b;
    cudaStreamCreate(&stream);
    cudaEventCreate(&a);
    cudaEventCreate(&b);
    cudaMallocPitch(&rows, &pitch, 64, 4);
    cudaMemcpy2D(rows, pitch, h, 64, 64, 4, cudaMemcpyHostToDevice);
    cudaEventRecord(a, stream)""", after="""cudaEventRecord(b, stream);
    cudaEventSynchronize(b);
    float ms;
    cudaEventElapsedTime(&ms, a, b);
    cudaMemcpy2D(h, 64, rows, pitch, 64, 4, cudaMemcpyDeviceToHost);
    if (h[17] != 17 + 1 || ms < 0) return 4;
    cudaStreamDestroy(stream);"""),
    "vectors-and-structs": on_one_array("""
struct Pair { int a; short b; };
__device__ inline int4 twice(int4 v) { return make_int4(2 * v.x, 2 * v.y, 2 * v.z, 2 * v.w); }
__global__ void k(int4 *d, Pair p) {
    __shared__ Pair pairs[64];
    int t = threadIdx.x;
    pairs[t] = p;
    pairs[t].b = (short)t;
    __syncthreads();
    int4 v = twice(d[t]);
    v.x += pairs[63 - t].b;
    d[t] = v;
}""", "k<<<1, 64>>>((int4 *)d, Pair{1, 2})"),
    "left-after-the-last-barrier": on_one_array(f"""
__global__ void k(int n, int *d) {{
    {_AT} __shared__ int s[64];
    s[t] = i < n ? d[i] : 0;
    __syncthreads();
    if (i >= n) return;
    d[i] = s[63 - t];
}}""", "k<<<4, 64>>>(250, d)"),
    "barrier-of-whole-blocks": on_one_array(f"""
__global__ void k(int *d) {{
    {_AT}
    if (blockIdx.x % 2) {{
        __syncthreads();
        d[i] += 1;
    }}
}}""", "k<<<4, 64>>>(d)"),
    "unrolled-barriers": on_one_array("""
template <int N> __device__ __forceinline__ void step(int *s, int t) {
    int v = t + N < 64 ? s[t + N] : 0;
    __syncthreads();
    s[t] += v;
    __syncthreads();
}
__global__ void k(int *d) {
    __shared__ int s[64];
    int t = threadIdx.x;
    s[t] = d[t];
    __syncthreads();
    step<1>(s, t); step<2>(s, t); step<4>(s, t);
#pragma unroll
    for (int i = 0; i < 3; i++) __syncthreads();
    d[t] = s[t];
}""", "k<<<1, 64>>>(d)"),
}  # fmt: skip

REFUSED: dict[str, str] = {
    "cooperative groups": "#include <cooperative_groups.h>\nint main() {}\n",
    "Thrust": "#include <thrust/sort.h>\nint main() {}\n",
    "CUB": "#include <cub/cub.cuh>\nint main() {}\n",
    "inline PTX": '__global__ void k(int *d) { asm("mov.u32 %0, 3;" : "=r"(d[0])); }\nint main() {}\n',
    "textures": "__global__ void k(cudaTextureObject_t t) {}\nint main() {}\n",
    "kernels that launch kernels": "__global__ void k() { k<<<1, 1>>>(); }\nint main() {}\n",
    "malloc in code of the device": "#include <cstdlib>\n__global__ void k() { malloc(4); }\nint main() {}\n",
    "CUDA graphs": "#include <cuda_runtime.h>\nint main() { cudaGraph_t g; }\n",
    "NVIDIA's libraries": "int main() { cublasHandle_t h; }\n",
    "warp intrinsics without _sync": "__global__ void k(int *d) { d[0] = __shfl(d[0], 3); }\nint main() {}\n",
    "half precision": "#include <cuda_fp16.h>\nint main() {}\n",
}
