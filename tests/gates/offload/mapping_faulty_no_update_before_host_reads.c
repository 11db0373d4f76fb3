#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 60, steps = 0;
    double *r = malloc(n * sizeof *r), norm = 1.0;
    for (int i = 0; i < n; i++)
        r[i] = 1.0;
#pragma omp target data map(tofrom : r[0 : n])
    {
        while (norm > 0.1 && steps < 20) {
#pragma omp target teams distribute parallel for
            for (int i = 0; i < n; i++)
                r[i] *= 0.5;
            norm = 0.0;
            for (int i = 0; i < n; i++)
                norm += r[i] * r[i]; /* fault: r */
            steps++;
        }
    }
    printf("%d %g\n", steps, norm);
    free(r);
    return 0;
}
