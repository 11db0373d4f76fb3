/* A sweep over blocks in which each one waits for those above and to the left of it. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { blocks = 12, cells = 64 };
    double *a = calloc(blocks * blocks * cells, sizeof *a), sum = 0.0;
#pragma omp parallel
#pragma omp single
    for (int sweep = 0; sweep < 6; sweep++)
        for (int i = 1; i < blocks; i++)
            for (int j = 1; j < blocks; j++) {
                double *me = a + (i * blocks + j) * cells, *up = me - blocks * cells, *left = me - cells;
#pragma omp task depend(in : up[0], left[0]) depend(inout : me[0]) firstprivate(me, up, left)
                for (int c = 0; c < cells; c++)
                    me[c] = 0.3 * up[c] + 0.3 * left[c] + 0.4 * me[c] + 1.0;
            }
    for (int i = 0; i < blocks * blocks * cells; i++)
        sum += a[i];
    printf("%.17g\n", sum);
    free(a);
    return 0;
}
