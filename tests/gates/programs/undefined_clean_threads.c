/* Shifts below the width, in parallel. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    unsigned bits = 0;
#pragma omp parallel for reduction(| : bits)
    for (int i = 0; i < n; i++)
        bits |= 1u << (i % 32);
    printf("%u\n", bits);
    return 0;
}
