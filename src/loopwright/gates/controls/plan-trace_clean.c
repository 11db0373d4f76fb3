/* 4000 bytes go to the device and two times 4000 come back. */
#include <stdio.h>

int main(void)
{
    enum { N = 500 };
    static double a[N], b[N];
    for (int i = 0; i < N; i++)
        a[i] = i;
#pragma omp target teams distribute parallel for map(tofrom : a) map(from : b)
    for (int i = 0; i < N; i++)
        b[i] = a[i] += 1.0;
    printf("%g\n", b[N - 1]);
    return 0;
}
