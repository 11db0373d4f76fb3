// y = w * x, a convolution with a short symmetric window: tiles of x with their margins in shared memory, the
// window in constant memory; then the sum of squares of y, by shuffles over wavefronts and a few lanes of the first.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <hip/hip_runtime.h>

constexpr int kRadius = 5;
constexpr int kThreads = 256;

__constant__ double window[2 * kRadius + 1];

static void check(hipError_t status, const char *what) {
    if (status == hipSuccess) return;
    std::fprintf(stderr, "%s: %s\n", what, hipGetErrorString(status));
    std::exit(3);
}

__global__ void convolve(int n, const double *x, double *y) {
    __shared__ double tile[kThreads + 2 * kRadius];
    int first = blockIdx.x * blockDim.x;
    for (int t = threadIdx.x; t < kThreads + 2 * kRadius; t += blockDim.x) {
        int from = first + t - kRadius;
        tile[t] = from >= 0 && from < n ? x[from] : 0.0;
    }
    __syncthreads();
    int i = first + threadIdx.x;
    if (i >= n) return;
    double sum = 0.0;
    for (int k = 0; k <= 2 * kRadius; k++) sum += window[k] * tile[threadIdx.x + k];
    y[i] = sum;
}

__global__ void squares(int n, const double *y, double *sums) {
    __shared__ double part[kThreads];
    double own = 0.0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) own += y[i] * y[i];
    for (int lanes = warpSize / 2; lanes > 0; lanes /= 2) own += __shfl_down(own, lanes);
    if (threadIdx.x % warpSize == 0) part[threadIdx.x / warpSize] = own;
    __syncthreads();
    if (threadIdx.x < warpSize) {
        own = threadIdx.x < blockDim.x / warpSize ? part[threadIdx.x] : 0.0;
        for (int lanes = warpSize / 2; lanes > 0; lanes /= 2) own += __shfl_down(own, lanes);
        if (threadIdx.x == 0) sums[blockIdx.x] = own;
    }
}

int main(int argc, char **argv) {
    int n = argc > 1 ? std::atoi(argv[1]) : 100000, blocks = 6;
    if (n < 1) return 2;
    std::vector<double> x(n), y(n), sums(blocks), weights(2 * kRadius + 1);
    for (int i = 0; i < n; i++) x[i] = double((i * 7919LL) % 10007) / 10007.0;
    for (int k = -kRadius; k <= kRadius; k++) weights[k + kRadius] = 1.0 / (1.0 + k * k);

    double *dx, *dy, *dsums;
    check(hipMalloc(&dx, n * sizeof(double)), "hipMalloc");
    check(hipMalloc(&dy, n * sizeof(double)), "hipMalloc");
    check(hipMalloc(&dsums, blocks * sizeof(double)), "hipMalloc");
    check(hipMemcpy(dx, x.data(), n * sizeof(double), hipMemcpyHostToDevice), "copy to the device");
    check(hipMemcpyToSymbol(HIP_SYMBOL(window), weights.data(), weights.size() * sizeof(double)), "copy of the window");
    hipLaunchKernelGGL(convolve, dim3((n + kThreads - 1) / kThreads), dim3(kThreads), 0, 0, n, dx, dy);
    check(hipGetLastError(), "convolve");
    squares<<<blocks, kThreads>>>(n, dy, dsums);
    check(hipGetLastError(), "squares");
    check(hipDeviceSynchronize(), "the kernels");
    check(hipMemcpy(y.data(), dy, n * sizeof(double), hipMemcpyDeviceToHost), "copy from the device");
    check(hipMemcpy(sums.data(), dsums, blocks * sizeof(double), hipMemcpyDeviceToHost), "copy from the device");
    check(hipFree(dx), "hipFree");
    check(hipFree(dy), "hipFree");
    check(hipFree(dsums), "hipFree");

    double total = 0.0, expected = 0.0, worst = 0.0;
    for (double sum : sums) total += sum;
    for (int i = 0; i < n; i++) {
        double sum = 0.0;
        for (int k = -kRadius; k <= kRadius; k++)
            if (i + k >= 0 && i + k < n) sum += weights[k + kRadius] * x[i + k];
        worst = std::fmax(worst, std::fabs(sum - y[i]));
        expected += sum * sum;
    }
    if (worst > 1e-12 || std::fabs(total - expected) > 1e-10 * expected) {
        std::fprintf(stderr, "not what the serial loop computes\n");
        return 1;
    }
    for (int i = 0; i < n; i += 1 + n / 97) std::printf("%.15g\n", y[i]);
    std::printf("squares %.15g\n", total);
    return 0;
}
