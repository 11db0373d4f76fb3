#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 100;
    double *a = malloc((n + 1) * sizeof *a), *d = malloc(n * sizeof *d);
    for (int i = 0; i <= n; i++)
        a[i] = i * i;
#pragma omp target teams distribute parallel for map(to : a[0 : n]) map(from : d[0 : n])
    for (int i = 0; i < n; i++)
        d[i] = a[i + 1] - a[i]; /* fault: a */
    printf("%g\n", d[n - 2]);
    free(a);
    free(d);
    return 0;
}
