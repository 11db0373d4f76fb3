/* Unset elements may be copied, as long as nobody looks at them. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    a[0] = 5;
    for (int i = 0; i < n; i++)
        b[i] = a[i];
    printf("%d\n", b[0]);
    free(a);
    free(b);
    return 0;
}
