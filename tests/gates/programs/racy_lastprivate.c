/* The value of the last iteration, kept in a shared variable. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double last = 0.0, a[n];
#pragma omp parallel for
    for (int i = 0; i < n; i++) {
        a[i] = i * 2.0;
        if (i % 2)
            last = a[i]; /* race */
    }
    printf("%g\n", last);
    return 0;
}
