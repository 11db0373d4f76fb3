#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 60;
    double *t = malloc(n * sizeof *t), *source = malloc(n * sizeof *source);
    for (int i = 0; i < n; i++)
        t[i] = 0.0, source[i] = 0.0;
#pragma omp target data map(tofrom : t[0 : n]) map(to : source[0 : n])
    {
        for (int step = 0; step < 4; step++) {
            source[n / 2] = 1.0 + step;
#pragma omp target teams distribute parallel for
            for (int i = 0; i < n; i++)
                t[i] += source[i]; /* fault: source */
        }
    }
    printf("%g\n", t[n / 2]);
    free(t);
    free(source);
    return 0;
}
