// A barrier that is missing between a write and a read of shared memory, and an index that is one too large.
#include <hip/hip_runtime.h>

__global__ void reversed(int *values) {
    __shared__ int kept[128];
    kept[threadIdx.x] = values[threadIdx.x];  // planted
    values[threadIdx.x] = kept[127 - threadIdx.x];  // planted
}

__global__ void shifted(int n, int *values) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n)
        values[i] += 1;  // planted
}

int main() {
    int *values;
    if (hipMalloc(&values, 200 * sizeof(int)) != hipSuccess) return 3;
    (void)hipMemset(values, 0, 200 * sizeof(int));
    reversed<<<1, 128>>>(values);
    hipLaunchKernelGGL(shifted, dim3(4), dim3(64), 0, 0, 200, values);
    return hipDeviceSynchronize() != hipSuccess;
}
