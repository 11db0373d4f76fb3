/* Tasks that set what is read after taskwait. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int part[8], sum = 0;
#pragma omp parallel
#pragma omp single
    {
        for (int i = 0; i < 8; i++) {
#pragma omp task shared(part)
            part[i] = i + n;
        }
#pragma omp taskwait
        for (int i = 0; i < 8; i++)
            if (part[i] > 0)
                sum += part[i];
    }
    printf("%d\n", sum);
    return 0;
}
