#include <stdio.h>
#include <stdlib.h>

static const double TAPS[5] = {0.1, 0.2, 0.4, 0.2, 0.1};

static double median(const double *v)
{
    double w[5];
    for (int i = 0; i < 5; i++)
        w[i] = v[i];
    for (int i = 1; i < 5; i++)
        for (int j = i; j > 0 && w[j - 1] > w[j]; j--) {
            double t = w[j];
            w[j] = w[j - 1];
            w[j - 1] = t;
        }
    return w[2];
}

int main(void)
{
    int n = 66;
    double *in = malloc(n * sizeof *in), *out = malloc(n * sizeof *out);
    for (int i = 0; i < n; i++)
        in[i] = (i * 29) % 17, out[i] = 0.0;
#pragma omp target teams distribute parallel for map(to : in[0 : n], TAPS) map(tofrom : out[0 : n])
    for (int i = 2; i < n - 2; i++) {
        double window[5], sum = 0.0;
        for (int k = 0; k < 5; k++) {
            window[k] = in[i + k - 2];
            sum += TAPS[k] * window[k];
        }
        out[i] = sum + median(window);
    }
    printf("%g\n", out[10]);
    free(in);
    free(out);
    return 0;
}
