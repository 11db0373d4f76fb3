/* The same, where more is copied than need be. */
#include <stdio.h>

int main(void)
{
    enum { N = 500 };
    static double a[N], b[N];
    for (int i = 0; i < N; i++)
        a[i] = i;
#pragma omp target teams distribute parallel for map(tofrom : a) map(tofrom : b) /* planted: b goes there for nothing */
    for (int i = 0; i < N; i++)
        b[i] = a[i] += 1.0;
    printf("%g\n", b[N - 1]);
    return 0;
}
