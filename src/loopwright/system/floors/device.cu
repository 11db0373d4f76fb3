/* What a GPU can do at most: copies to it and from it, its own memory, and arithmetic in registers.

   usage: device BYTES
   prints one line a figure: NAME BYTES_OR_OPERATIONS_PER_SECOND

   BYTES is the size of each of three arrays of doubles. Copies are of page-locked memory in one piece. The
   triad counts the bytes that it names (two loads, one store). Of every kernel and copy the fastest of several
   counts. Ends with 1 and the name of the call when one fails. */
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>

static const int repetitions = 7;

static void expect(cudaError_t status, const char *call) {
    if (status != cudaSuccess) {
        fprintf(stderr, "%s: %s\n", call, cudaGetErrorString(status));
        exit(1);
    }
}
#define EXPECT(call) expect(call, #call)

__global__ void triad(size_t n, const double *b, const double *c, double *a) {
    size_t stride = (size_t)gridDim.x * blockDim.x;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride)
        a[i] = b[i] + 3.0 * c[i];
}

static const int chains = 8, steps = 4096;

/* Chains that do not wait for each other. The values stay finite, and are stored so that all is needed. */
template <typename T> __global__ void multiply_add(T *kept, T factor, T term) {
    T value[chains];
    for (int k = 0; k < chains; k++)
        value[k] = (T)(threadIdx.x + k);
    for (int step = 0; step < steps; step++)
#pragma unroll
        for (int k = 0; k < chains; k++)
            value[k] = value[k] * factor + term;
    T sum = 0;
    for (int k = 0; k < chains; k++)
        sum += value[k];
    kept[(size_t)blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

/* Seconds of the fastest of several executions of `work`; the first is not counted. */
template <typename Work> static double fastest(Work work) {
    cudaEvent_t before, after;
    EXPECT(cudaEventCreate(&before));
    EXPECT(cudaEventCreate(&after));
    float best_ms = 0;
    for (int repetition = 0; repetition <= repetitions; repetition++) {
        float ms;
        EXPECT(cudaEventRecord(before));
        work();
        EXPECT(cudaEventRecord(after));
        EXPECT(cudaEventSynchronize(after));
        EXPECT(cudaGetLastError());
        EXPECT(cudaEventElapsedTime(&ms, before, after));
        if (repetition == 1 || (repetition > 1 && ms < best_ms))
            best_ms = ms;
    }
    EXPECT(cudaEventDestroy(before));
    EXPECT(cudaEventDestroy(after));
    return best_ms * 1e-3;
}

template <typename T> static double flops(int blocks, int threads, void *kept) {
    double seconds =
        fastest([&] { multiply_add<T><<<blocks, threads>>>((T *)kept, (T)0.999, (T)0.001); });
    return 2.0 * chains * steps * blocks * threads / seconds;
}

int main(int count, char **arguments) {
    size_t bytes = count == 2 ? strtoull(arguments[1], NULL, 10) : 0;
    size_t n = bytes / sizeof(double);
    if (n < 1 << 20) {
        fprintf(stderr, "usage: device BYTES\n");
        return 2;
    }
    bytes = n * sizeof(double);
    void *host;
    double *a, *b, *c;
    EXPECT(cudaMallocHost(&host, bytes));
    EXPECT(cudaMalloc(&a, bytes));
    EXPECT(cudaMalloc(&b, bytes));
    EXPECT(cudaMalloc(&c, bytes));
    EXPECT(cudaMemset(b, 0, bytes));
    EXPECT(cudaMemset(c, 0, bytes));
    cudaDeviceProp device;
    EXPECT(cudaGetDeviceProperties(&device, 0));
    int blocks = 16 * device.multiProcessorCount, threads = 256;

    double to = fastest([&] { EXPECT(cudaMemcpyAsync(a, host, bytes, cudaMemcpyHostToDevice)); });
    double from = fastest([&] { EXPECT(cudaMemcpyAsync(host, a, bytes, cudaMemcpyDeviceToHost)); });
    double memory = fastest([&] { triad<<<blocks, threads>>>(n, b, c, a); });
    printf("to_device %.6g\n", bytes / to);
    printf("from_device %.6g\n", bytes / from);
    printf("triad %.6g\n", 3.0 * bytes / memory);
    printf("f64 %.6g\n", flops<double>(blocks, threads, a));
    printf("f32 %.6g\n", flops<float>(blocks, threads, a));
    return 0;
}
