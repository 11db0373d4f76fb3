/* cg N ROUNDS: a well in N x N cells of porous ground, ROUNDS rounds of conjugate gradients. Prints the largest head
 * and the head at the well, and writes all of them to head.bin (doubles, row by row). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cg.h"

int main(int argc, char **argv)
{
    if (argc != 3 || atoi(argv[1]) < 1 || atoi(argv[1]) > 20000 || atoi(argv[2]) < 0) {
        fprintf(stderr, "usage: %s N ROUNDS (1 to 20000, at least 0)\n", argv[0]);
        return 2;
    }
    int n = atoi(argv[1]);
    size_t cells = (size_t)n * n;
    double *k = malloc(cells * sizeof *k);
    double *b = malloc(cells * sizeof *b);
    double *x = malloc(cells * sizeof *x);
    if (k == NULL || b == NULL || x == NULL) {
        fprintf(stderr, "%s: no memory for %d x %d cells\n", argv[0], n, n);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double u = (j + 0.5) / n;
            double v = (i + 0.5) / n;
            k[i * n + j] = 1.0 + 0.8 * sin(9.0 * u + 3.0 * v) * cos(5.0 * v);
            b[i * n + j] = 0.01 + 0.02 * u * (1.0 - v);
            x[i * n + j] = 1.0;
        }
    }
    int well = n / 3 * n + n / 2;
    b[well] -= 1.0;

    double rest = solve(n, atoi(argv[2]), 0.02, k, b, x);
    if (rest < 0.0) {
        fprintf(stderr, "%s: no memory\n", argv[0]);
        return 1;
    }

    double largest = x[0];
    for (size_t c = 0; c < cells; c++) {
        largest = x[c] > largest ? x[c] : largest;
    }
    printf("largest %.12g\nwell %.12g\nconverged %s\n", largest, x[well], rest < 1e-6 ? "yes" : "no");
    FILE *file = fopen("head.bin", "wb");
    if (file == NULL || fwrite(x, sizeof *x, cells, file) != cells || fclose(file) != 0) {
        perror("head.bin");
        return 1;
    }
    free(k);
    free(b);
    free(x);
    return 0;
}
