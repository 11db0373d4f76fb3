/* In-place smoothing reads its neighbours while they are written. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double *a = calloc(n, sizeof *a);
    a[n / 2] = 1.0;
#pragma omp parallel for schedule(static, 4)
    for (int i = 1; i < n - 1; i++)
        a[i] = (a[i - 1] + a[i] + a[i + 1]) / 3.0; /* race */
    printf("%g\n", a[n / 2]);
    free(a);
    return 0;
}
