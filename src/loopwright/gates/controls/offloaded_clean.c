/* The same work, in a target region. */
#include <stdio.h>

int main(void)
{
    enum { N = 400 };
    static double a[N];
    double sum = 0.0;
    a[0] = 1.0;
#pragma omp target map(tofrom : a)
    for (int step = 0; step < 20; step++)
        for (int i = 1; i < N; i++)
            a[i] = 0.5 * a[i] + a[i - 1];
    for (int i = 0; i < N; i++)
        sum += a[i];
    printf("%g\n", sum);
    return 0;
}
