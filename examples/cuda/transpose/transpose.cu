// B = transpose(A), tile by tile through shared memory, and the sum of each tile by a tree over its block.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <cuda_runtime.h>

constexpr int kTile = 16;

static void check(cudaError_t status, const char *what) {
    if (status == cudaSuccess) return;
    std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(status));
    std::exit(3);
}

__global__ void transpose(int rows, int columns, const float *a, float *b) {
    __shared__ float tile[kTile][kTile + 1];  // one more column, against bank conflicts
    int j = blockIdx.x * kTile + threadIdx.x, i = blockIdx.y * kTile + threadIdx.y;
    if (i < rows && j < columns) tile[threadIdx.y][threadIdx.x] = a[i * columns + j];
    __syncthreads();
    int from = blockIdx.y * kTile + threadIdx.x, to = blockIdx.x * kTile + threadIdx.y;
    if (to < columns && from < rows) b[to * rows + from] = tile[threadIdx.x][threadIdx.y];
}

__global__ void tile_sums(int count, const float *values, double *sums) {
    extern __shared__ double part[];
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
    part[t] = i < count ? double(values[i]) : 0.0;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (t < half) part[t] += part[t + half];
        __syncthreads();
    }
    if (t == 0) sums[blockIdx.x] = part[0];
}

int main(int argc, char **argv) {
    int rows = argc > 1 ? std::atoi(argv[1]) : 300, columns = argc > 2 ? std::atoi(argv[2]) : 200;
    if (rows < 1 || columns < 1) return 2;
    int count = rows * columns;
    std::vector<float> a(count), b(count);
    for (int i = 0; i < count; i++) a[i] = float((i * 7919LL) % 10007) / 10007.0f;

    float *da, *db;
    double *dsums;
    const int threads = 128, blocks = (count + threads - 1) / threads;
    check(cudaMalloc(&da, count * sizeof(float)), "cudaMalloc");
    check(cudaMalloc(&db, count * sizeof(float)), "cudaMalloc");
    check(cudaMalloc(&dsums, blocks * sizeof(double)), "cudaMalloc");
    check(cudaMemcpy(da, a.data(), count * sizeof(float), cudaMemcpyHostToDevice), "copy to the device");
    dim3 block(kTile, kTile), grid((columns + kTile - 1) / kTile, (rows + kTile - 1) / kTile);
    transpose<<<grid, block>>>(rows, columns, da, db);
    check(cudaGetLastError(), "transpose");
    tile_sums<<<blocks, threads, threads * sizeof(double)>>>(count, db, dsums);
    check(cudaGetLastError(), "tile_sums");
    std::vector<double> sums(blocks);
    check(cudaMemcpy(b.data(), db, count * sizeof(float), cudaMemcpyDeviceToHost), "copy from the device");
    check(cudaMemcpy(sums.data(), dsums, blocks * sizeof(double), cudaMemcpyDeviceToHost), "copy from the device");
    cudaFree(da);
    cudaFree(db);
    cudaFree(dsums);

    double total = 0, expected = 0;
    for (double s : sums) total += s;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            expected += a[i * columns + j];
            if (b[j * rows + i] != a[i * columns + j]) {
                std::fprintf(stderr, "wrong at row %d, column %d\n", j, i);
                return 1;
            }
        }
    if (!(std::fabs(total - expected) < 1e-9 * count)) {
        std::fprintf(stderr, "sum %.17g instead of %.17g\n", total, expected);
        return 1;
    }
    std::printf("sum %.12e\n", total);
    for (int k = 0; k < 8; k++) std::printf("%.9g\n", b[size_t(k) * count / 8]);
    return 0;
}
