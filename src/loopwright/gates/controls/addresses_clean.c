/* Every element of an allocated block, and none beyond. */
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int n = 100 + (argv[argc] != NULL);
    double *a = malloc(n * sizeof *a), sum = 0.0;
    if (!a)
        return 1;
    for (int i = 0; i < n; i++)
        a[i] = i;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += a[i];
    printf("%g\n", sum);
    free(a);
    return 0;
}
