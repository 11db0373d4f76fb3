/* matmul N M P: a product of an N x M and an M x P matrix. Prints the trace and writes c.bin (doubles). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "matmul.h"

/* Reproducible numbers between -1 and 1, the same on every machine. */
static double draw(void)
{
    static uint64_t state = 20260307;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 4503599627370496.0 - 1.0;
}

static double *matrix(size_t elements)
{
    double *data = malloc(elements * sizeof *data);
    for (size_t e = 0; data != NULL && e < elements; e++) {
        data[e] = draw();
    }
    return data;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s N M P\n", argv[0]);
        return 2;
    }
    int n = atoi(argv[1]);
    int m = atoi(argv[2]);
    int p = atoi(argv[3]);
    if (n < 1 || m < 1 || p < 1 || n > 20000 || m > 20000 || p > 20000) {
        fprintf(stderr, "%s: need 1 <= N, M, P <= 20000\n", argv[0]);
        return 2;
    }
    double *a = matrix((size_t)n * m);
    double *b = matrix((size_t)m * p);
    double *c = matrix((size_t)n * p);
    if (a == NULL || b == NULL || c == NULL) {
        fprintf(stderr, "%s: no memory\n", argv[0]);
        return 1;
    }

    product(n, m, p, a, b, c);

    double trace = 0.0;
    for (int i = 0; i < n && i < p; i++) {
        trace += c[i * p + i];
    }
    printf("trace %.12g\n", trace);
    FILE *file = fopen("c.bin", "wb");
    if (file == NULL || fwrite(c, sizeof *c, (size_t)n * p, file) != (size_t)n * p || fclose(file) != 0) {
        perror("c.bin");
        return 1;
    }
    free(a);
    free(b);
    free(c);
    return 0;
}
