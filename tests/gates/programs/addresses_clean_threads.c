/* Each thread has its own buffer. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double sum = 0.0;
#pragma omp parallel reduction(+ : sum)
    {
        double *mine = malloc(n * sizeof *mine);
        for (int i = 0; i < n; i++)
            mine[i] = i;
        sum += mine[n - 1];
        free(mine);
    }
    printf("%d\n", sum > 0.0);
    return 0;
}
