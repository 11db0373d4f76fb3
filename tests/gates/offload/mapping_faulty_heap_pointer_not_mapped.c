#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 128;
    double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    for (int i = 0; i < n; i++)
        x[i] = i, y[i] = 1.0;
#pragma omp target teams distribute parallel for map(to : x[0 : n])
    for (int i = 0; i < n; i++)
        y[i] += 2.0 * x[i]; /* fault: y */
    printf("%g\n", y[n - 1]);
    free(x);
    free(y);
    return 0;
}
