#include <cstdio>
#include <vector>

constexpr int kWidth = 32;
__constant__ int weights[4];
__device__ int touched;

template <typename T>
__global__ void __launch_bounds__(256) reversed(int n, const T *__restrict__ in, T *out);
__global__ void declared_first(int n, int *out);

__host__ __device__ __forceinline__ int twice(int value) { return 2 * value; }

// A variable of each thread that lives over barriers, in two dimensions, and one that all share.
__global__ void kept(int n, int *out) {
    __shared__ int row[8][kWidth];
    const int at = (blockIdx.x * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    int mine = at < n ? out[at] : 0;  // changes below
    bool odd = mine % 2;
    int rounds = 3;
    int *place = &row[threadIdx.y][threadIdx.x];
    *place = mine;
    __syncthreads();
    for (int r = 0; r < rounds; r++) {
        int other = row[threadIdx.y][(threadIdx.x + 1) % kWidth];
        __syncthreads();
        mine += other + r;
        row[threadIdx.y][threadIdx.x] = mine;
        __syncthreads();
    }
    if (odd) mine = -mine;
    if (at >= n) return;
    out[at] = mine + twice(weights[threadIdx.y % 4]);
}

template <typename T>
__global__ void __launch_bounds__(256) reversed(int n, const T *__restrict__ in, T *out) {
    extern __shared__ char bytes[];
    T *part = (T *)bytes;
    if (blockIdx.x * blockDim.x >= n) return;
    int t = threadIdx.x, first = blockIdx.x * blockDim.x;
    /* what this block has */
    int here = min(int(blockDim.x), n - first);
    if (t < here) part[t] = in[first + t];
    __syncthreads();
    if (t < here) {
        out[first + t] = part[here - 1 - t];
    }
}

__global__ void declared_first(int n, int *out) {
    // A tree of sums by shuffles, then over warps.
    __shared__ int sums[32];
    int value = 0;
    #pragma unroll 4
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x) {
        if (i % 5 == 0) continue;
        value += i;
    }
    int step = 16;
    while (step > 0) {
        value += __shfl_xor_sync(0xffffffff, value, step);
        step >>= 1;
    }
    int other = __shfl_sync(0xffffffffu, value, 0);
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    if (lane == 0) sums[warp] = value;
    __syncthreads();
    if (blockDim.x > 32) {
        if (threadIdx.x == 0) {
            for (int w = 1; w < blockDim.x / 32; w++) sums[0] += sums[w];
        }
        __syncthreads();
    } else {
        if (threadIdx.x == 0) sums[0] += 1;
        __syncthreads();
    }
    if (threadIdx.x == 0) atomicAdd(&out[blockIdx.x], sums[0]);
    if (lane == 3) atomicMax(&touched, other);
}

__global__ void three(unsigned *cells) {
    unsigned at = ((blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x) * blockDim.z * blockDim.y * blockDim.x +
                  (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    cells[at] = atomicCAS(&cells[at], 7u, at) + atomicExch(&cells[at], at);
}

int main() {
    const int n = 201;
    std::vector<int> a(n), b(n, -1), s(3, 0);
    for (int i = 0; i < n; i++) a[i] = i * i % 17;
    int w[4] = {1, 2, 3, 4}, zero = 0, most;
    int *da, *db, *ds;
    unsigned *dc;
    cudaMalloc(&da, n * sizeof(int));
    cudaMalloc(&db, n * sizeof(int));
    cudaMalloc((void **)&ds, 3 * sizeof(int));
    cudaMalloc(&dc, 144 * sizeof(unsigned));
    cudaMemset(ds, 0, 3 * sizeof(int));
    cudaMemset(dc, 0, 144 * sizeof(unsigned));
    cudaMemcpyToSymbol(weights, w, sizeof w);
    cudaMemcpyToSymbol(touched, &zero, sizeof zero);
    cudaMemcpy(da, a.data(), n * sizeof(int), cudaMemcpyHostToDevice);
    dim3 block(kWidth, 2);
    kept<<<(n + 63) / 64, block>>>(n, da);
    reversed<int><<<9, 32, 32 * sizeof(int)>>>(n, da, db);
    declared_first<<<3, 64>>>(n, ds);
    dim3 cells;
    cells.x = 3; cells.y = 2;
    three<<<cells, dim3(2, 3, 4)>>>(dc);
    if (cudaDeviceSynchronize() != cudaSuccess) return 3;
    cudaMemcpy(b.data(), db, n * sizeof(int), cudaMemcpyDeviceToHost);
    cudaMemcpy(s.data(), ds, 3 * sizeof(int), cudaMemcpyDeviceToHost);
    cudaMemcpyFromSymbol(&most, touched, sizeof most);
    std::vector<unsigned> c(144);
    cudaMemcpy(c.data(), dc, 144 * sizeof(unsigned), cudaMemcpyDeviceToHost);
    for (int v : b) printf("%d\n", v);
    for (int v : s) printf("%d\n", v);
    for (unsigned v : c) printf("%u\n", v);
    printf("%d\n", most);
    cudaFree(da); cudaFree(db); cudaFree(ds); cudaFree(dc);
    return 0;
}
