#include <stdio.h>
#include <stdlib.h>

static void twice(int n, double *a)
{
#pragma omp target teams distribute parallel for map(tofrom : a[0 : n])
    for (int i = 0; i < n; i++)
        a[i] *= 2.0;
}

int main(void)
{
    int n = 50;
    double *a = malloc(n * sizeof *a), sum = 0.0;
    for (int i = 0; i < n; i++)
        a[i] = 1.0;
#pragma omp target enter data map(to : a[0 : n])
    twice(n, a);
    for (int i = 0; i < n; i++)
        sum += a[i]; /* fault: a */
#pragma omp target exit data map(delete : a[0 : n])
    printf("%g\n", sum);
    free(a);
    return 0;
}
