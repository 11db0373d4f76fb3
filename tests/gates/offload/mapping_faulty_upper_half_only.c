#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 512;
    double *v = malloc(n * sizeof *v);
    for (int i = 0; i < n; i++)
        v[i] = i;
#pragma omp target teams distribute parallel for map(tofrom : v[n / 2 : n / 2])
    for (int i = 0; i < n; i++)
        v[i] += 1.0; /* fault: v */
    printf("%g\n", v[n - 1]);
    free(v);
    return 0;
}
