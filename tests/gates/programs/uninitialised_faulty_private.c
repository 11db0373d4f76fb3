/* A private copy has no value at first. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int base = 7, large = 0;
#pragma omp parallel for private(base) reduction(+ : large)
    for (int i = 0; i < n; i++)
        if (base > i) /* fault */
            large++;
    printf("%d\n", large >= 0);
    return 0;
}
