// An index that is one too large, in the last block of a grid that has more threads than there are elements.
#include <cuda_runtime.h>

__global__ void increased(int n, float *values) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n)
        values[i] += 1;  // planted
}

int main() {
    const int n = 1000;
    float *values;
    cudaMalloc(&values, n * sizeof(float));
    cudaMemset(values, 0, n * sizeof(float));
    increased<<<4, 256>>>(n, values);
    return cudaDeviceSynchronize() != cudaSuccess;
}
