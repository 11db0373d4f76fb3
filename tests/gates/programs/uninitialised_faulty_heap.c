/* The last element is tested before it is set. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int *a = malloc(n * sizeof *a), above = 0;
    for (int i = 0; i < n - 1; i++)
        a[i] = i;
    for (int i = 0; i < n; i++)
        if (a[i] > 100) /* fault */
            above++;
    printf("%d\n", above);
    free(a);
    return 0;
}
