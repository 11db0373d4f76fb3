// A histogram with atomic updates in shared memory, then in global memory, and the largest value by shuffles.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <cuda_runtime.h>

constexpr int kBins = 64;

static void check(cudaError_t status, const char *what) {
    if (status == cudaSuccess) return;
    std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(status));
    std::exit(3);
}

__device__ int bin_of(unsigned value) { return int(value % kBins); }

__global__ void histogram(int count, const unsigned *values, unsigned *bins) {
    __shared__ unsigned own[kBins];
    for (int b = threadIdx.x; b < kBins; b += blockDim.x) own[b] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
        atomicAdd(&own[bin_of(values[i])], 1u);
    __syncthreads();
    for (int b = threadIdx.x; b < kBins; b += blockDim.x)
        if (own[b]) atomicAdd(&bins[b], own[b]);
}

__global__ void largest(int count, const unsigned *values, unsigned *result) {
    unsigned most = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
        most = max(most, values[i]);
    for (int lanes = warpSize / 2; lanes > 0; lanes /= 2) most = max(most, __shfl_down_sync(0xffffffffu, most, lanes));
    if (threadIdx.x % warpSize == 0) atomicMax(result, most);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? std::atoi(argv[1]) : 100000;
    if (count < 1) return 2;
    std::vector<unsigned> values(count);
    unsigned state = 12345;
    for (unsigned &value : values) {
        state = state * 1664525u + 1013904223u;
        value = state >> 12;
    }
    unsigned *dvalues, *dbins, *dmost;
    check(cudaMalloc(&dvalues, count * sizeof(unsigned)), "cudaMalloc");
    check(cudaMalloc(&dbins, kBins * sizeof(unsigned)), "cudaMalloc");
    check(cudaMalloc(&dmost, sizeof(unsigned)), "cudaMalloc");
    check(cudaMemcpy(dvalues, values.data(), count * sizeof(unsigned), cudaMemcpyHostToDevice), "copy to the device");
    check(cudaMemset(dbins, 0, kBins * sizeof(unsigned)), "cudaMemset");
    check(cudaMemset(dmost, 0, sizeof(unsigned)), "cudaMemset");
    histogram<<<12, 128>>>(count, dvalues, dbins);
    check(cudaGetLastError(), "histogram");
    largest<<<5, 96>>>(count, dvalues, dmost);
    check(cudaGetLastError(), "largest");
    std::vector<unsigned> bins(kBins);
    unsigned most;
    check(cudaMemcpy(bins.data(), dbins, kBins * sizeof(unsigned), cudaMemcpyDeviceToHost), "copy from the device");
    check(cudaMemcpy(&most, dmost, sizeof most, cudaMemcpyDeviceToHost), "copy from the device");
    cudaFree(dvalues);
    cudaFree(dbins);
    cudaFree(dmost);

    std::vector<unsigned> expected(kBins);
    unsigned expected_most = 0;
    for (unsigned value : values) {
        expected[value % kBins]++;
        if (value > expected_most) expected_most = value;
    }
    if (bins != expected || most != expected_most) {
        std::fprintf(stderr, "not what the serial loop counts\n");
        return 1;
    }
    for (unsigned n : bins) std::printf("%u\n", n);
    std::printf("largest %u\n", most);
    return 0;
}
