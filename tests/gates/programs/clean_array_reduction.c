/* A histogram with an array section as its reduction. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    long *bins = calloc(16, sizeof *bins);
#pragma omp parallel for reduction(+ : bins[:16])
    for (int i = 0; i < n; i++)
        bins[i * 7 % 16]++;
    printf("%ld\n", bins[3]);
    free(bins);
    return 0;
}
