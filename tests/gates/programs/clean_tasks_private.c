/* Many short tasks with copies of their own: the runtime uses its memory for them again and again. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 4000, block = 100 };
    double *a = malloc(n * sizeof *a), sum = 0.0;
    for (int round = 0; round < 10; round++) {
#pragma omp parallel
#pragma omp single
        {
            double weights[4] = {round, 0.5, 0.25, 0.125};
#pragma omp taskloop grainsize(block) firstprivate(round)
            for (int i = 0; i < n; i++)
                a[i] = 2.0 * i + round;
#pragma omp taskgroup
            for (int first = 0; first < n; first += block) {
#pragma omp task firstprivate(first, weights)
                for (int i = first; i < first + block; i++)
                    a[i] += weights[i % 4];
            }
        }
    }
    for (int i = 0; i < n; i++)
        sum += a[i];
    printf("%g\n", sum);
    free(a);
    return 0;
}
