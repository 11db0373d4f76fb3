// A barrier that is missing between a write and a read of shared memory, and an index that is one too large.
#include <cuda_runtime.h>

__global__ void reversed(int *values) {
    __shared__ int kept[64];
    kept[threadIdx.x] = values[threadIdx.x];  // planted
    values[threadIdx.x] = kept[63 - threadIdx.x];  // planted
}

__global__ void shifted(int n, int *values) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n)
        values[i] += 1;  // planted
}

int main() {
    int *values;
    cudaMalloc(&values, 200 * sizeof(int));
    cudaMemset(values, 0, 200 * sizeof(int));
    reversed<<<1, 64>>>(values);
    shifted<<<4, 64>>>(200, values);
    return cudaDeviceSynchronize() != cudaSuccess;
}
