/* Tasks in a chain and side by side, by their dependences. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int first = 0, second = 0, both = 0;
#pragma omp parallel
#pragma omp single
    for (int round = 0; round < 20; round++) {
#pragma omp task depend(out : first)
        first = round;
#pragma omp task depend(out : second)
        second = 2 * round;
#pragma omp task depend(in : first, second) depend(inout : both)
        both += first + second;
    }
    printf("%d\n", both);
    return 0;
}
