/* Independent loops need no barrier. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
#pragma omp parallel
    {
#pragma omp for nowait
        for (int i = 0; i < n; i++)
            a[i] = i;
#pragma omp for nowait
        for (int i = 0; i < n; i++)
            b[i] = 2.0 * i;
    }
    printf("%g %g\n", a[5], b[7]);
    free(a);
    free(b);
    return 0;
}
