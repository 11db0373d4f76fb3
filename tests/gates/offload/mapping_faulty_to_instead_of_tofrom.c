#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 200;
    double *a = malloc(n * sizeof *a), sum = 0.0;
    for (int i = 0; i < n; i++)
        a[i] = i;
#pragma omp target teams distribute parallel for map(to : a[0 : n])
    for (int i = 0; i < n; i++)
        a[i] = 2.0 * a[i] + 1.0;
    for (int i = 0; i < n; i++)
        sum += a[i]; /* fault: a */
    printf("%g\n", sum);
    free(a);
    return 0;
}
