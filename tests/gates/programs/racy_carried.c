/* Each iteration reads what the one before it wrote. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double a[n];
    a[0] = 1.0;
#pragma omp parallel for
    for (int i = 1; i < n; i++)
        a[i] = 0.5 * a[i - 1] + 1.0; /* race */
    printf("%g\n", a[n - 1]);
    return 0;
}
