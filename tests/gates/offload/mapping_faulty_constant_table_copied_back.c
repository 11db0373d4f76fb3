#include <stdio.h>
#include <stdlib.h>

static const double TAPS[5] = {0.1, 0.2, 0.4, 0.2, 0.1};

int main(void)
{
    int n = 66;
    double *in = malloc(n * sizeof *in), *out = malloc(n * sizeof *out);
    for (int i = 0; i < n; i++)
        in[i] = i, out[i] = 0.0;
#pragma omp target teams distribute parallel for map(to : in[0 : n]) map(tofrom : out[0 : n]) /* fault: TAPS */
    for (int i = 2; i < n - 2; i++)
        for (int k = 0; k < 5; k++)
            out[i] += TAPS[k] * in[i + k - 2];
    printf("%g\n", out[10]);
    free(in);
    free(out);
    return 0;
}
