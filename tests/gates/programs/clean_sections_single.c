/* Sections, and a value handed round with copyprivate. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int left = 0, right = 0, sums[64] = {0};
#pragma omp parallel num_threads(3)
    {
        int mine = 0;
#pragma omp sections
        {
#pragma omp section
            left = 5;
#pragma omp section
            right = 6;
        }
#pragma omp single copyprivate(mine)
        mine = left + right;
#pragma omp for
        for (int i = 0; i < 64; i++)
            sums[i] = mine + i;
    }
    printf("%d\n", sums[9]);
    return 0;
}
