/* Product of two matrices, added to half of what was there, on a device: two matrices go there, one goes there and
 * back. Blocks of eight columns share each element of `a`. */
#include "matmul.h"

#define WIDTH 8

void product(int n, int m, int p, const double *restrict a, const double *restrict b, double *restrict c)
{
    int blocks = (p + WIDTH - 1) / WIDTH;
#pragma omp target teams distribute parallel for collapse(2) \
    map(to: a[0:n * m], b[0:m * p]) map(tofrom: c[0:n * p])
    for (int i = 0; i < n; i++) {
        for (int block = 0; block < blocks; block++) {
            int first = block * WIDTH;
            int width = p - first < WIDTH ? p - first : WIDTH;
            double sum[WIDTH];
            for (int w = 0; w < width; w++) {
                sum[w] = 0.5 * c[i * p + first + w];
            }
            for (int k = 0; k < m; k++) {
                for (int w = 0; w < width; w++) {
                    sum[w] += a[i * m + k] * b[k * p + first + w];
                }
            }
            for (int w = 0; w < width; w++) {
                c[i * p + first + w] = sum[w];
            }
        }
    }
}
