/* The barrier between two dependent loops is waived. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
#pragma omp parallel
    {
#pragma omp for schedule(static) nowait
        for (int i = 0; i < n; i++)
            a[i] = i; /* race */
#pragma omp for schedule(static)
        for (int i = 0; i < n; i++)
            b[i] = a[n - 1 - i]; /* race */
    }
    printf("%g\n", b[3]);
    free(a);
    free(b);
    return 0;
}
