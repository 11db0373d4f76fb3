#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    enum { N = 20 };
    double edge[N], sum = 0.0;
    for (int i = 0; i < N; i++)
        edge[i] = i;
#pragma omp target data map(tofrom : edge)
    {
#pragma omp target
        for (int i = 1; i < N; i++)
            edge[i] += 1.0;
        edge[0] = 100.0;
    }
    for (int i = 0; i < N; i++)
        sum += edge[i]; /* fault: edge */
    printf("%g\n", sum);
    return 0;
}
