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

static void stop(int n)
{
#pragma omp target exit data map(release : field[0 : n])
}

int main(void)
{
    int n = 80;
    double sum = 0.0;
    start(n);
#pragma omp target teams distribute parallel for
    for (int i = 0; i < n; i++)
        field[i] += i;
    stop(n);
    for (int i = 0; i < n; i++)
        sum += field[i]; /* fault: field */
    printf("%g\n", sum);
    free(field);
    return 0;
}
