/* A target region that does next to nothing beside a host that does the work. */
#include <stdio.h>

int main(void)
{
    enum { N = 400 };
    static double a[N];
    double sum = 0.0;
#pragma omp target map(tofrom : a)
    a[0] = 1.0;
    for (int step = 0; step < 20; step++)
        for (int i = 1; i < N; i++)
            a[i] = 0.5 * a[i] + a[i - 1]; /* planted: on the host */
    for (int i = 0; i < N; i++)
        sum += a[i];
    printf("%g\n", sum);
    return 0;
}
