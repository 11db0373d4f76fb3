/* The result of a task is used without waiting for it. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int done = 0, seen = 0;
    for (int round = 0; round < 40; round++) {
#pragma omp parallel
#pragma omp single
        {
#pragma omp task shared(done)
            done = done + round; /* race */
#pragma omp task shared(done, seen)
            seen += done; /* race */
        }
    }
    printf("%d %d\n", done, seen);
    return 0;
}
