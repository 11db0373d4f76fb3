#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 40;
    double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    for (int i = 0; i < n; i++)
        a[i] = i, b[i] = 0.0;
#pragma omp target enter data map(to : a[0 : n], b[0 : n]) depend(out : a[0], b[0]) nowait
#pragma omp target teams distribute parallel for depend(inout : a[0]) nowait
    for (int i = 0; i < n; i++)
        a[i] += 1.0;
#pragma omp target teams distribute parallel for depend(in : a[0]) depend(inout : b[0]) nowait
    for (int i = 0; i < n; i++)
        b[i] = 2.0 * a[i];
#pragma omp target exit data map(release : a[0 : n]) map(from : b[0 : n]) depend(inout : b[0]) depend(in : a[0]) nowait
#pragma omp taskwait
    printf("%g\n", b[n - 1]);
    free(a);
    free(b);
    return 0;
}
