/* Writes one element past an allocated block. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int *a = malloc(n * sizeof *a);
#pragma omp parallel for
    for (int i = 0; i <= n; i++)
        a[i] = i; /* fault */
    printf("%d\n", a[3]);
    free(a);
    return 0;
}
