// A barrier that is missing between a write and a read of shared memory by threads of other warps.
#include <cuda_runtime.h>

__global__ void reversed(int *values) {
    __shared__ int kept[256];
    kept[threadIdx.x] = values[threadIdx.x];  // planted
    values[threadIdx.x] = kept[255 - threadIdx.x];  // planted
}

int main() {
    int *values;
    cudaMalloc(&values, 256 * sizeof(int));
    cudaMemset(values, 0, 256 * sizeof(int));
    reversed<<<1, 256>>>(values);
    return cudaDeviceSynchronize() != cudaSuccess;
}
