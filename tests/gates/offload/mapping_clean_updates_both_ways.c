#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 40;
    double *u = malloc(n * sizeof *u), edge = 0.0;
    for (int i = 0; i < n; i++)
        u[i] = i;
#pragma omp target data map(to : u[0 : n])
    {
        for (int s = 0; s < 5; s++) {
            u[0] = s;
            u[n - 1] = -s;
#pragma omp target update to(u[0 : 1])
#pragma omp target update to(u[n - 1 : 1])
#pragma omp target teams distribute parallel for
            for (int i = 0; i < n; i++)
                u[i] += 1.0;
#pragma omp target update from(u[0 : n])
            edge += u[1] + u[n - 1];
        }
    }
    printf("%g\n", edge);
    free(u);
    return 0;
}
