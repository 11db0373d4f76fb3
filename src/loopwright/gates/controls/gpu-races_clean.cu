// The same exchange with its barrier.
#include <cuda_runtime.h>

__global__ void reversed(int *values) {
    __shared__ int kept[256];
    kept[threadIdx.x] = values[threadIdx.x];
    __syncthreads();
    values[threadIdx.x] = kept[255 - threadIdx.x];
}

int main() {
    int *values;
    cudaMalloc(&values, 256 * sizeof(int));
    cudaMemset(values, 0, 256 * sizeof(int));
    reversed<<<1, 256>>>(values);
    return cudaDeviceSynchronize() != cudaSuccess;
}
