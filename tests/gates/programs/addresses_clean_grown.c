/* A block that grows by realloc, used through its new address. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int *a = NULL;
    for (int size = 1; size <= n; size *= 2) {
        a = realloc(a, size * sizeof *a);
        a[size - 1] = size;
    }
    printf("%d\n", a[0]);
    free(a);
    return 0;
}
