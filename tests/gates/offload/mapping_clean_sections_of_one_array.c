#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 90, third = n / 3;
    double *a = malloc(n * sizeof *a), sum = 0.0;
    for (int i = 0; i < n; i++)
        a[i] = i;
#pragma omp target teams distribute parallel for map(tofrom : a[third : third])
    for (int i = third; i < 2 * third; i++)
        a[i] *= 2.0;
#pragma omp target teams distribute parallel for map(to : a[0 : third + 1]) map(from : a[third + 1 : 0])
    for (int i = 0; i < third; i++)
        a[i] = a[i + 1];
    for (int i = third; i < n; i++)
        sum += a[i];
    printf("%g\n", sum);
    free(a);
    return 0;
}
