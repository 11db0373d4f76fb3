/* The writers are atomic, the reader is not. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int seen[n], count = 0;
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < n; i++) {
#pragma omp atomic
        count++;        /* race */
        seen[i] = count; /* race */
    }
    printf("%d %d\n", count, seen[0] > 0);
    return 0;
}
