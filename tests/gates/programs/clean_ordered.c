/* What is carried stands in an ordered block. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double sum = 0.0, a[n];
#pragma omp parallel for ordered schedule(dynamic, 2)
    for (int i = 0; i < n; i++) {
        double t = i * 0.25;
#pragma omp ordered
        {
            sum = 0.5 * sum + t;
            a[i] = sum;
        }
    }
    printf("%g %g\n", sum, a[3]);
    return 0;
}
