#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    enum { N = 1000, BINS = 16 };
    unsigned char *image = malloc(N);
    unsigned counts[BINS];
    float weights[BINS];
    memset(counts, 0, sizeof counts);
    memset(weights, 0, sizeof weights);
    for (int i = 0; i < N; i++)
        image[i] = (unsigned char)(i * 37 % 251);
#pragma omp target teams distribute parallel for map(to : image[0 : N]) map(tofrom : counts, weights)
    for (int i = 0; i < N; i++) {
#pragma omp atomic
        counts[image[i] % BINS]++;
#pragma omp atomic
        weights[image[i] % BINS] += 0.5f;
    }
    printf("%u %g\n", counts[5], weights[2]);
    free(image);
    return 0;
}
