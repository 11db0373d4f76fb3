#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 48;
    double *a = malloc(n * sizeof *a), *scratch = malloc(n * sizeof *scratch), sum = 0.0;
    for (int i = 0; i < n; i++)
        a[i] = i, scratch[i] = -1.0;
#pragma omp target data map(tofrom : a[0 : n]) map(alloc : scratch[0 : n])
    for (int s = 0; s < 3; s++) {
#pragma omp target teams distribute parallel for
        for (int i = 0; i < n; i++)
            scratch[i] = a[i] * 0.5;
#pragma omp target teams distribute parallel for
        for (int i = 1; i < n - 1; i++)
            a[i] = scratch[i - 1] + scratch[i + 1];
    }
    for (int i = 0; i < n; i++)
        sum += a[i];
    for (int i = 0; i < n; i++)
        scratch[i] = 1.0;
    for (int i = 0; i < n; i++)
        sum += scratch[i];
    printf("%g\n", sum);
    free(a);
    free(scratch);
    return 0;
}
