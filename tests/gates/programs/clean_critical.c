/* Named critical sections and a list that grows. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int length = 0, list[n], most = 0;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++) {
        if (i % 3 == 0) {
#pragma omp critical(grow)
            list[length++] = i;
        }
#pragma omp critical(compare)
        most = i > most ? i : most;
    }
    printf("%d %d %d\n", length, most, list[0] % 3);
    return 0;
}
