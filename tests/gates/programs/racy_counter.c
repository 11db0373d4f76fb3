/* A global counter without atomic, behind a call. */
#include <stdio.h>
#include <stdlib.h>
static int hits;
static void __attribute__((noinline)) count_one(void)
{
    hits = hits + 1; /* race */
}
int main(void)
{
    enum { n = 600 };
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        if (i % 3 == 0)
            count_one();
    printf("%d\n", hits);
    return 0;
}
