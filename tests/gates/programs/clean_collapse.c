/* Collapsed loops, private temporaries and lastprivate. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double *a = calloc(n, sizeof *a), t, last = 0.0;
#pragma omp parallel for collapse(2) private(t) lastprivate(last)
    for (int i = 0; i < 20; i++)
        for (int j = 0; j < n / 20; j++) {
            t = i + 0.5 * j;
            a[i * (n / 20) + j] = t;
            last = t;
        }
    printf("%g %g\n", a[n - 1], last);
    free(a);
    return 0;
}
