/* Reads a block after it was given back. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int *a = calloc(n, sizeof *a);
    free(a);
    printf("%d\n", a[n / 2]); /* fault */
    return 0;
}
