#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 64;
    double *weights = malloc(n * sizeof *weights), *out = malloc(n * sizeof *out);
    for (int i = 0; i < n; i++)
        weights[i] = 0.5 * i;
#pragma omp target data map(alloc : weights[0 : n]) map(from : out[0 : n])
    {
#pragma omp target teams distribute parallel for
        for (int i = 0; i < n; i++)
            out[i] = weights[i] * weights[i]; /* fault: weights */
    }
    printf("%g\n", out[n - 1]);
    free(weights);
    free(out);
    return 0;
}
