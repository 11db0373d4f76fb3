/* A temporary that all threads share. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double a[n], t;
#pragma omp parallel for
    for (int i = 0; i < n; i++) {
        t = i * 0.5;     /* race */
        a[i] = t * t;    /* race */
    }
    printf("%g\n", a[n - 1]);
    return 0;
}
