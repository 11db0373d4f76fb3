/* spmv ROWS SWEEPS: a network of ROWS nodes with 1 to 16 links each, most of them short. Writes the activity
 * to x.bin and what arrived in the last sweep to y.bin (doubles), and prints the sum of both. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "spmv.h"

/* Reproducible numbers, the same on every machine (64-bit congruences, upper half). */
static uint32_t draw(void)
{
    static uint64_t state = 20260203;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static double unit(void)
{
    return draw() / 4294967296.0;
}

static int save(const char *path, const double *data, size_t count)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, sizeof *data, count, file) != count || fclose(file) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3 || atoi(argv[1]) < 1 || atoi(argv[1]) > 50000000 || atoi(argv[2]) < 1) {
        fprintf(stderr, "usage: %s ROWS SWEEPS (1 to 50000000, at least 1)\n", argv[0]);
        return 2;
    }
    int rows = atoi(argv[1]);
    int *start = malloc(((size_t)rows + 1) * sizeof *start);
    int *column = malloc((size_t)rows * 16 * sizeof *column);
    double *value = malloc((size_t)rows * 16 * sizeof *value);
    double *source = malloc((size_t)rows * sizeof *source);
    double *x = malloc((size_t)rows * sizeof *x);
    double *y = malloc((size_t)rows * sizeof *y);
    if (start == NULL || column == NULL || value == NULL || source == NULL || x == NULL || y == NULL) {
        fprintf(stderr, "%s: no memory for %d rows\n", argv[0], rows);
        return 1;
    }
    start[0] = 0;
    for (int i = 0; i < rows; i++) {
        int links = 1 + (int)(draw() % 16);
        for (int e = start[i]; e < start[i] + links; e++) {
            int near = (int)((i + (int64_t)(draw() % 64)) % rows);
            column[e] = draw() % 4 != 0 ? near : (int)(draw() % (uint32_t)rows);
            value[e] = (0.2 + unit()) / (1.2 * links);
        }
        start[i + 1] = start[i] + links;
        source[i] = unit();
        x[i] = source[i];
    }

    propagate(rows, start, column, value, source, atoi(argv[2]), x, y);

    double sum_x = 0.0;
    double sum_y = 0.0;
    for (int i = 0; i < rows; i++) {
        sum_x += x[i];
        sum_y += y[i];
    }
    printf("activity %.15g\narrived %.15g\n", sum_x, sum_y);
    int failed = save("x.bin", x, (size_t)rows) || save("y.bin", y, (size_t)rows);
    free(start);
    free(column);
    free(value);
    free(source);
    free(x);
    free(y);
    return failed;
}
