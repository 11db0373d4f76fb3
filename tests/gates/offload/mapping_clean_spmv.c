#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 50, nnz = 0;
    int *start = malloc((n + 1) * sizeof *start), *column = malloc(3 * n * sizeof *column);
    double *value = malloc(3 * n * sizeof *value), *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    for (int i = 0; i < n; i++) {
        start[i] = nnz;
        for (int j = i - 1; j <= i + 1; j++)
            if (j >= 0 && j < n) {
                column[nnz] = j;
                value[nnz++] = i == j ? 2.0 : -1.0;
            }
        x[i] = i;
    }
    start[n] = nnz;
#pragma omp target teams distribute parallel for map(to : start[0 : n + 1], column[0 : nnz], value[0 : nnz], x[0 : n]) \
    map(from : y[0 : n])
    for (int i = 0; i < n; i++) {
        double sum = 0.0;
        for (int k = start[i]; k < start[i + 1]; k++)
            sum += value[k] * x[column[k]];
        y[i] = sum;
    }
    printf("%g %g\n", y[0], y[n - 1]);
    free(start), free(column), free(value), free(x), free(y);
    return 0;
}
