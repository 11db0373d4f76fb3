/* Two phases with a barrier between them. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double a[n], b[n];
#pragma omp parallel
    {
#pragma omp for schedule(static) nowait
        for (int i = 0; i < n; i++)
            a[i] = i;
#pragma omp barrier
#pragma omp for schedule(dynamic, 3)
        for (int i = 0; i < n; i++)
            b[i] = a[n - 1 - i];
    }
    printf("%g\n", b[3]);
    return 0;
}
