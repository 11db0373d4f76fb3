#include <stdio.h>
#include <stdlib.h>

static double *field;

static void start(int n)
{
    field = malloc(n * sizeof *field);
    for (int i = 0; i < n; i++)
        field[i] = 1.0;
#pragma omp target enter data map(to : field[0 : n])
}

static void step(int n, double factor)
{
#pragma omp target teams distribute parallel for map(present, alloc : field[0 : n])
    for (int i = 0; i < n; i++)
        field[i] = factor * field[i] + i;
}

static void stop(int n)
{
#pragma omp target exit data map(from : field[0 : n])
}

int main(void)
{
    int n = 80;
    double sum = 0.0;
    start(n);
    for (int s = 0; s < 3; s++)
        step(n, 0.5 + s);
    stop(n);
    for (int i = 0; i < n; i++)
        sum += field[i];
    printf("%g\n", sum);
    free(field);
    return 0;
}
