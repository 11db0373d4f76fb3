// What the faulty control does, with its barrier and its bound; and the other ways in which threads agree.
#include <cuda_runtime.h>

__device__ unsigned finished;

__global__ void reversed(int *values) {
    __shared__ int kept[64];
    kept[threadIdx.x] = values[threadIdx.x];
    __syncthreads();
    values[threadIdx.x] = kept[63 - threadIdx.x];
}

__global__ void shifted(int n, int *values) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) values[i] += 1;
}

// The block that is done last adds up what the others left, by a counter behind a fence.
__global__ void added(int *values, int *parts, int *sum) {
    __shared__ bool last;
    int own = values[blockIdx.x * blockDim.x + threadIdx.x];
    for (int lanes = 16; lanes > 0; lanes /= 2) own += __shfl_down_sync(0xffffffffu, own, lanes);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = own;
        __threadfence();
        last = atomicAdd(&finished, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0)
        for (unsigned b = 0; b < gridDim.x; b++) *sum += parts[b];
    // Lanes of a warp that hand something on through shared memory.
    __shared__ int handed[32];
    handed[threadIdx.x] = own;
    __syncwarp();
    if (handed[threadIdx.x ^ 1] == -1) atomicAdd(sum, 1);
}

int main() {
    int *values, *parts, *sum, result;
    cudaMalloc(&values, 200 * sizeof(int));
    cudaMalloc(&parts, 4 * sizeof(int));
    cudaMalloc(&sum, sizeof(int));
    cudaMemset(values, 0, 200 * sizeof(int));
    cudaMemset(sum, 0, sizeof(int));
    reversed<<<1, 64>>>(values);
    shifted<<<4, 64>>>(200, values);
    added<<<4, 32>>>(values, parts, sum);
    cudaMemcpy(&result, sum, sizeof result, cudaMemcpyDeviceToHost);
    return result != 128;
}
