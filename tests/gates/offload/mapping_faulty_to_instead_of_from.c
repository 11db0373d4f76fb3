#include <stdio.h>
#include <stdlib.h>

static void scale(int n, const float *in, float *out)
{
#pragma omp target teams distribute parallel for map(to : in[0 : n], out[0 : n])
    for (int i = 0; i < n; i++)
        out[i] = 3.0f * in[i];
}

int main(void)
{
    enum { N = 96 };
    static float in[N], out[N];
    for (int i = 0; i < N; i++)
        in[i] = (float)i;
    scale(N, in, out);
    printf("%g\n", out[N - 1]); /* fault: out */
    return 0;
}
