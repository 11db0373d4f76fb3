/* reduction N ROUNDS: N samples around 3, one in ten of them far off. Prints the robust centre and width, and
 * writes the weights to weight.bin (doubles). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "reduction.h"

/* Reproducible numbers in [0, 1), the same on every machine. */
static double draw(void)
{
    static uint64_t state = 20260411;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 9007199254740992.0;
}

int main(int argc, char **argv)
{
    if (argc != 3 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1) {
        fprintf(stderr, "usage: %s N ROUNDS (at least 1)\n", argv[0]);
        return 2;
    }
    int n = atoi(argv[1]);
    double *sample = malloc((size_t)n * sizeof *sample);
    double *weight = malloc((size_t)n * sizeof *weight);
    if (sample == NULL || weight == NULL) {
        fprintf(stderr, "%s: no memory for %d samples\n", argv[0], n);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        double bell = draw() + draw() + draw() + draw() - 2.0;
        sample[i] = 3.0 + bell;
        if (draw() < 0.1) {
            sample[i] += 40.0 * draw();
        }
    }

    struct fit fit = robust_fit(n, atoi(argv[2]), sample, weight);

    printf("centre %.15g\nwidth %.15g\nfarthest %.15g\n", fit.centre, fit.width, fit.farthest);
    FILE *file = fopen("weight.bin", "wb");
    if (file == NULL || fwrite(weight, sizeof *weight, (size_t)n, file) != (size_t)n || fclose(file) != 0) {
        perror("weight.bin");
        return 1;
    }
    free(sample);
    free(weight);
    return 0;
}
