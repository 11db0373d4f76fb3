/* Sum, maximum and logical and. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double sum = 0.0, most = 0.0;
    int all = 1;
#pragma omp parallel for reduction(+ : sum) reduction(max : most) reduction(&& : all) schedule(runtime)
    for (int i = 0; i < n; i++) {
        sum += i;
        most = i > most ? i : most;
        all = all && i >= 0;
    }
    printf("%g %g %d\n", sum, most, all);
    return 0;
}
