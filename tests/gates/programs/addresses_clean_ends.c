/* First and last elements of blocks, and the address one past the end. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int *a = malloc(n * sizeof *a), *end = a + n, sum = 0;
    for (int *p = a; p != end; p++)
        *p = 1;
    for (int *p = end; p-- != a;)
        sum += *p;
    printf("%d %d\n", a[0] + a[n - 1], sum);
    free(a);
    return 0;
}
