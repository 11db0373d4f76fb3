/* Update, capture, read and write, all atomic. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int count = 0, flag = 0, order[n];
#pragma omp parallel for
    for (int i = 0; i < n; i++) {
        int mine, seen;
#pragma omp atomic capture
        mine = count++;
        order[mine] = i;
#pragma omp atomic write
        flag = 1;
#pragma omp atomic read
        seen = flag;
        if (!seen)
            abort();
    }
    printf("%d %d\n", count, order[0] >= 0);
    return 0;
}
