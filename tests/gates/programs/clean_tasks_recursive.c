/* A sum by halves: each half is a task, and its result is used after waiting for both. */
#include <stdio.h>
#include <stdlib.h>
static double sum(const double *a, int n)
{
    double left = 0.0, right = 0.0;
    if (n <= 64) {
        for (int i = 0; i < n; i++)
            left += a[i];
        return left;
    }
#pragma omp task shared(left)
    left = sum(a, n / 2);
#pragma omp task shared(right)
    right = sum(a + n / 2, n - n / 2);
#pragma omp taskwait
    return left + right;
}
int main(void)
{
    enum { n = 20000 };
    double *a = malloc(n * sizeof *a), total = 0.0;
    for (int i = 0; i < n; i++)
        a[i] = i;
#pragma omp parallel
#pragma omp single
    total = sum(a, n);
    printf("%g\n", total);
    free(a);
    return 0;
}
