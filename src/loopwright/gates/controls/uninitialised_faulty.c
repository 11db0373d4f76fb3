/* The last element is read before anything was written to it. */
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int n = 100 + (argv[argc] != NULL), above = 0;
    double *a = malloc(n * sizeof *a);
    if (!a)
        return 1;
#pragma omp parallel for
    for (int i = 0; i < n - 1; i++)
        a[i] = i;
#pragma omp parallel for reduction(+ : above)
    for (int i = 0; i < n; i++)
        if (a[i] > 50.0) /* planted */
            above++;
    printf("%d\n", above);
    free(a);
    return 0;
}
