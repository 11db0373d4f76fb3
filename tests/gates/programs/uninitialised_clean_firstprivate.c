/* firstprivate gives each copy its value. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int base = 7, large = 0;
#pragma omp parallel for firstprivate(base) reduction(+ : large)
    for (int i = 0; i < n; i++)
        if (base > i)
            large++;
    printf("%d\n", large);
    return 0;
}
