#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    enum { N = 32 };
    int offset = 3, shift[4] = {1, 2, 3, 4};
    double scale = 0.5, big[200], out[N];
    for (int i = 0; i < 200; i++)
        big[i] = i;
    for (int round = 0; round < 2; round++) {
#pragma omp target teams distribute parallel for firstprivate(shift, big) map(from : out)
        for (int i = 0; i < N; i++) {
            big[i] += offset;
            out[i] = scale * big[i] + shift[i % 4];
        }
        for (int i = 0; i < 4; i++)
            shift[i] += i;
    }
    printf("%g %g\n", out[N - 1], big[3]);
    return 0;
}
