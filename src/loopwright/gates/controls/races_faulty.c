/* Four races of different kinds; each racing line is marked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int count;
int main(void)
{
    int n = 2000;
    double *a = calloc(n + 1, sizeof *a), sum = 0.0;
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        count = count + 1; /* planted */
#pragma omp parallel for schedule(runtime)
    for (int i = 0; i < n; i++)
        sum += i; /* planted */
#pragma omp parallel
    {
#pragma omp for schedule(static) nowait
        for (int i = 0; i < n; i++)
            a[i] = i;
#pragma omp for schedule(static)
        for (int i = 0; i < n; i++)
            a[n - i] += 1.0; /* planted */
    }
#pragma omp parallel for schedule(static, 1)
    for (int i = 1; i < 64; i++)
        memcpy(a, a + 64 * (i % 8 + 1), 64 * sizeof *a); /* planted */
    printf("%d %g %g\n", count, sum, a[n / 2]);
    free(a);
    return 0;
}
