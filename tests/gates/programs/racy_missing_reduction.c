/* A sum without its reduction clause. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double sum = 0.0;
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        sum += i; /* race */
    printf("%g\n", sum);
    return 0;
}
