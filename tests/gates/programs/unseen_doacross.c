/* A sweep whose iterations wait for their neighbours by `ordered depend`: correct, and opaque to Archer. */
#include <stdio.h>
int main(void)
{
    enum { n = 300, m = 8 };
    static double a[n][m];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            a[i][j] = 1.0;
#pragma omp parallel for ordered(2)
    for (int i = 1; i < n; i++)
        for (int j = 1; j < m; j++) {
#pragma omp ordered depend(sink : i - 1, j) depend(sink : i, j - 1)
            a[i][j] = 0.5 * (a[i - 1][j] + a[i][j - 1]) + 1.0;
#pragma omp ordered depend(source)
        }
    printf("%g\n", a[n - 1][m - 1]);
    return 0;
}
