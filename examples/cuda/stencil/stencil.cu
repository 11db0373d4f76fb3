// Heat on a square plate: STEPS Jacobi sweeps over N x N points, one thread a point.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include <cuda_runtime.h>

static void check(cudaError_t status, const char *what) {
    if (status == cudaSuccess) return;
    std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(status));
    std::exit(3);
}

__global__ void sweep(int n, double rate, const double *old, double *next) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    int i = blockIdx.y * blockDim.y + threadIdx.y;
    if (i >= n || j >= n) return;
    int at = i * n + j;
    if (i == 0 || j == 0 || i == n - 1 || j == n - 1) {
        next[at] = old[at];
        return;
    }
    double around = old[at - n] + old[at + n] + old[at - 1] + old[at + 1];
    next[at] = old[at] + rate * (around - 4.0 * old[at]);
}

static void serial(int n, int steps, double rate, std::vector<double> &plate) {
    std::vector<double> next = plate;
    for (int s = 0; s < steps; s++) {
        for (int i = 1; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++) {
                int at = i * n + j;
                double around = plate[at - n] + plate[at + n] + plate[at - 1] + plate[at + 1];
                next[at] = plate[at] + rate * (around - 4.0 * plate[at]);
            }
        std::swap(plate, next);
    }
}

int main(int argc, char **argv) {
    int n = argc > 1 ? std::atoi(argv[1]) : 256, steps = argc > 2 ? std::atoi(argv[2]) : 50;
    if (n < 3 || steps < 1) return 2;
    const double rate = 0.2;
    std::vector<double> plate(size_t(n) * n);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) plate[size_t(i) * n + j] = std::sin(0.1 * i) * std::cos(0.07 * j) + (i == 0);
    std::vector<double> expected = plate;

    double *old, *next;
    size_t bytes = plate.size() * sizeof(double);
    check(cudaMalloc(&old, bytes), "cudaMalloc");
    check(cudaMalloc(&next, bytes), "cudaMalloc");
    check(cudaMemcpy(old, plate.data(), bytes, cudaMemcpyHostToDevice), "copy to the device");
    dim3 block(16, 8), grid((n + block.x - 1) / block.x, (n + block.y - 1) / block.y);
    for (int s = 0; s < steps; s++) {
        sweep<<<grid, block>>>(n, rate, old, next);
        std::swap(old, next);
    }
    check(cudaGetLastError(), "sweep");
    check(cudaMemcpy(plate.data(), old, bytes, cudaMemcpyDeviceToHost), "copy from the device");
    check(cudaFree(old), "cudaFree");
    check(cudaFree(next), "cudaFree");

    serial(n, steps, rate, expected);
    double worst = 0, sum = 0;
    for (size_t i = 0; i < plate.size(); i++) {
        worst = std::fmax(worst, std::fabs(plate[i] - expected[i]));
        sum += plate[i];
    }
    if (!(worst < 1e-12)) {
        std::fprintf(stderr, "off by %g from the serial result\n", worst);
        return 1;
    }
    std::printf("sum %.12e\n", sum);
    for (int k = 0; k < 8; k++) std::printf("%.12e\n", plate[(size_t(n) / 2) * n + size_t(k) * n / 8]);
    return 0;
}
