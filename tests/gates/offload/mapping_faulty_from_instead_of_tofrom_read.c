#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    enum { N = 300, BINS = 8 };
    int keys[N], hist[BINS];
    for (int b = 0; b < BINS; b++)
        hist[b] = 0;
    for (int i = 0; i < N; i++)
        keys[i] = (i * 7) % BINS;
#pragma omp target teams distribute parallel for map(to : keys) map(from : hist)
    for (int i = 0; i < N; i++)
#pragma omp atomic
        hist[keys[i]] += 1; /* fault: hist */
    printf("%d\n", hist[3]);
    return 0;
}
