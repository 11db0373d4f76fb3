/* Every element is set by the thread that owns it. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double *a = malloc(n * sizeof *a);
    int large = 0;
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        a[i] = i;
#pragma omp parallel for reduction(+ : large)
    for (int i = 0; i < n; i++)
        large += a[i] > 100.0;
    printf("%d\n", large);
    free(a);
    return 0;
}
