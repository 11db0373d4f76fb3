#include <stdio.h>
#include <stdlib.h>

static double dot(int n, const double *x, const double *y)
{
    double sum = 0.0;
#pragma omp target teams distribute parallel for map(to : x[0 : n], y[0 : n]) map(tofrom : sum) reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static void axpy(int n, double a, const double *x, double *y)
{
#pragma omp target teams distribute parallel for map(to : x[0 : n]) map(tofrom : y[0 : n])
    for (int i = 0; i < n; i++)
        y[i] += a * x[i];
}

int main(void)
{
    int n = 72;
    double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y), total = 0.0;
    for (int i = 0; i < n; i++)
        x[i] = 1.0 / (i + 1), y[i] = i;
    total += dot(n, x, y);
#pragma omp target data map(to : x[0 : n]) map(tofrom : y[0 : n])
    {
        for (int k = 0; k < 3; k++) {
            axpy(n, 0.5, x, y);
            total += dot(n, x, y);
        }
    }
    printf("%g %g\n", total, y[n - 1]);
    free(x);
    free(y);
    return 0;
}
