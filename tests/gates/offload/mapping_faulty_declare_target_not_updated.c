#include <stdio.h>
#include <stdlib.h>

#pragma omp begin declare target
double coefficient = 1.0;
#pragma omp end declare target

int main(void)
{
    enum { N = 30 };
    double x[N];
    for (int i = 0; i < N; i++)
        x[i] = i;
    coefficient = 4.0;
#pragma omp target map(tofrom : x)
    {
        x[0] = coefficient; /* fault: coefficient */
        for (int i = 1; i < N; i++)
            x[i] *= x[0];
    }
    printf("%g\n", x[N - 1]);
    return 0;
}
