#include <stdio.h>
#include <stdlib.h>
#include <math.h>

int main(void)
{
    enum { N = 500 };
    static float a[N];
    double sum = 0.0, largest = -1.0;
    int count = 0;
    for (int i = 0; i < N; i++)
        a[i] = (float)sin(i);
#pragma omp target data map(to : a)
    {
#pragma omp target teams distribute parallel for reduction(+ : sum, count) reduction(max : largest)
        for (int i = 0; i < N; i++) {
            sum += a[i];
            count += a[i] > 0.0f;
            largest = fmax(largest, a[i]);
        }
    }
    printf("%.6g %d %.6g\n", sum, count, largest);
    return 0;
}
