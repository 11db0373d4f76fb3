/* A leak is untidy, no wrong access. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int *a = malloc(n * sizeof *a);
    a[n - 1] = 4;
    printf("%d\n", a[n - 1]);
    return 0;
}
