// Softmax of every row: one block a row, its maximum and its sum by trees in shared memory.
#include <cmath>

#include <cuda_runtime.h>

struct Largest {
    __device__ float operator()(float a, float b) const { return a > b ? a : b; }
};

struct Sum {
    __device__ float operator()(float a, float b) const { return a + b; }
};

// What `joined` makes of the values of all threads of a block, a power of two; every thread gets it.
template <class Join>
__device__ float over_block(float value, float *part, Join joined) {
    const int t = threadIdx.x;
    part[t] = value;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (t < half) part[t] = joined(part[t], part[t + half]);
        __syncthreads();
    }
    const float result = part[0];
    __syncthreads();  // the next one uses the same memory
    return result;
}

__global__ void softmax(int columns, const float *x, float *y) {
    extern __shared__ float part[];
    const float *in = x + size_t(blockIdx.x) * columns;
    float *out = y + size_t(blockIdx.x) * columns;

    float most = in[0];
    for (int j = threadIdx.x; j < columns; j += blockDim.x) most = Largest()(most, in[j]);
    most = over_block(most, part, Largest());

    float sum = 0;
    for (int j = threadIdx.x; j < columns; j += blockDim.x) {
        out[j] = expf(in[j] - most);
        sum += out[j];
    }
    sum = over_block(sum, part, Sum());

    for (int j = threadIdx.x; j < columns; j += blockDim.x) out[j] /= sum;
}
