/* Activity that spreads over a network: products with a sparse matrix in compressed rows. */
#include "spmv.h"

void propagate(int rows, const int *restrict start, const int *restrict column, const double *restrict value,
               const double *restrict source, int sweeps, double *restrict x, double *restrict y)
{
    for (int sweep = 0; sweep < sweeps; sweep++) {
        for (int i = 0; i < rows; i++) {
            double sum = 0.0;
            for (int e = start[i]; e < start[i + 1]; e++) {
                sum += value[e] * x[column[e]];
            }
            y[i] = sum;
        }
        for (int i = 0; i < rows; i++) {
            x[i] = source[i] + 0.85 * y[i];
        }
    }
}
