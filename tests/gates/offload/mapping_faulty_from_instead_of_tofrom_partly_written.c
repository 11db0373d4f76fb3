#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 100;
    double *u = malloc(n * sizeof *u), sum = 0.0;
    for (int i = 0; i < n; i++)
        u[i] = 1.0;
#pragma omp target teams distribute parallel for map(from : u[0 : n])
    for (int i = 1; i < n - 1; i++)
        u[i] = i;
    for (int i = 0; i < n; i++)
        sum += u[i]; /* fault: u */
    printf("%g\n", sum);
    free(u);
    return 0;
}
