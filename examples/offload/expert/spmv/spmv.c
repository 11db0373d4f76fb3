/* Activity that spreads over a network, on a device: the matrix and the source go there once, the activity there
 * and back once, and what arrived comes back once. */
#include "spmv.h"

void propagate(int rows, const int *restrict start, const int *restrict column, const double *restrict value,
               const double *restrict source, int sweeps, double *restrict x, double *restrict y)
{
    int entries = start[rows];
#pragma omp target data map(to: start[0:rows + 1], column[0:entries], value[0:entries], source[0:rows]) \
    map(tofrom: x[0:rows]) map(from: y[0:rows])
    for (int sweep = 0; sweep < sweeps; sweep++) {
#pragma omp target teams distribute parallel for map(present, alloc: start[0:rows + 1], column[0:entries], \
    value[0:entries], x[0:rows], y[0:rows])
        for (int i = 0; i < rows; i++) {
            double sum = 0.0;
            for (int e = start[i]; e < start[i + 1]; e++) {
                sum += value[e] * x[column[e]];
            }
            y[i] = sum;
        }
#pragma omp target teams distribute parallel for map(present, alloc: source[0:rows], x[0:rows], y[0:rows])
        for (int i = 0; i < rows; i++) {
            x[i] = source[i] + 0.85 * y[i];
        }
    }
}
