#include <stdio.h>
#include <stdlib.h>

#pragma omp begin declare target
double coefficient = 1.0;
int table[16];
static double weighted(double x, int i)
{
    return coefficient * x + table[i % 16];
}
#pragma omp end declare target

int main(void)
{
    enum { N = 30 };
    double x[N];
    for (int i = 0; i < N; i++)
        x[i] = i;
    for (int i = 0; i < 16; i++)
        table[i] = i * i;
    coefficient = 4.0;
#pragma omp target update to(coefficient, table)
#pragma omp target teams distribute parallel for map(tofrom : x)
    for (int i = 0; i < N; i++)
        x[i] = weighted(x[i], i);
    printf("%g %g\n", x[N - 1], x[3]);
    return 0;
}
