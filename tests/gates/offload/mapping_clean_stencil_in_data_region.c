#include <stdio.h>
#include <stdlib.h>

/* Two buffers that trade places on the host while both live on the device. */
int main(void)
{
    int n = 24, steps = 6;
    double *old = malloc(n * n * sizeof *old), *new = malloc(n * n * sizeof *new);
    for (int i = 0; i < n * n; i++)
        old[i] = new[i] = i % 7;
#pragma omp target data map(tofrom : old[0 : n * n]) map(to : new[0 : n * n])
    {
        double *from = old, *to = new;
        for (int s = 0; s < steps; s++) {
#pragma omp target teams distribute parallel for collapse(2)
            for (int i = 1; i < n - 1; i++)
                for (int j = 1; j < n - 1; j++)
                    to[i * n + j] = 0.25 * (from[(i - 1) * n + j] + from[(i + 1) * n + j] + from[i * n + j - 1] +
                                            from[i * n + j + 1]);
            double *swap = from;
            from = to;
            to = swap;
        }
    }
    double sum = 0.0;
    for (int i = 0; i < n * n; i++)
        sum += old[i];
    printf("%g\n", sum);
    free(old);
    free(new);
    return 0;
}
