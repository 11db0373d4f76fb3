// What the faulty control does, with its barrier and its bound; and sums over wavefronts of 64 lanes.
#include <hip/hip_runtime.h>

__device__ unsigned finished;

__global__ void reversed(int *values) {
    __shared__ int kept[128];
    kept[threadIdx.x] = values[threadIdx.x];
    __syncthreads();
    values[threadIdx.x] = kept[127 - threadIdx.x];
}

__global__ void shifted(int n, int *values) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) values[i] += 1;
}

// The sum over a block: in each wavefront, then by a few lanes; the block that is done last adds up the blocks.
__global__ void added(const int *values, int *parts, int *sum) {
    __shared__ int part[2];
    __shared__ bool last;
    int own = values[blockIdx.x * blockDim.x + threadIdx.x];
    for (int lanes = warpSize / 2; lanes > 0; lanes /= 2) own += __shfl_down(own, lanes);
    if (threadIdx.x % warpSize == 0) part[threadIdx.x / warpSize] = own;
    __syncthreads();
    if (threadIdx.x < 2) {
        own = part[threadIdx.x];
        own += __shfl_xor(own, 1, 2);
    }
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = own;
        __threadfence();
        last = atomicAdd(&finished, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0)
        for (unsigned b = 0; b < gridDim.x; b++) *sum += parts[b];
    if (__ballot(threadIdx.x % 64 >= 32) != 0xffffffff00000000ull) atomicAdd(sum, 1000);
}

int main() {
    int *values, *parts, *sum, result;
    if (hipMalloc(&values, 256 * sizeof(int)) != hipSuccess) return 3;
    (void)hipMalloc(&parts, 2 * sizeof(int));
    (void)hipMalloc(&sum, sizeof(int));
    (void)hipMemset(values, 0, 256 * sizeof(int));
    (void)hipMemset(sum, 0, sizeof(int));
    reversed<<<1, 128>>>(values);
    hipLaunchKernelGGL(shifted, dim3(4), dim3(64), 0, 0, 200, values);
    added<<<2, 128>>>(values, parts, sum);
    (void)hipMemcpy(&result, sum, sizeof result, hipMemcpyDeviceToHost);
    return result != 200;
}
