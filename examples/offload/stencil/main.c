/* stencil NX NY PAIRS: a warm pipe in layered ground of NX x NY cells, 2 PAIRS steps. Prints the mean and the
 * largest temperature, and writes the field to field.bin (doubles, row by row). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stencil.h"

static void ground(int nx, int ny, double *k, double *u)
{
    for (int i = 0; i < ny; i++) {
        for (int j = 0; j < nx; j++) {
            double x = (j + 0.5) / nx;
            double y = (i + 0.5) / ny;
            k[i * nx + j] = 0.3 + 0.6 / (1.0 + exp(-20.0 * (y - 0.5 - 0.1 * sin(7.0 * x))));
            u[i * nx + j] = 8.0 + 4.0 * x * y + 50.0 * exp(-60.0 * ((x - 0.3) * (x - 0.3) + (y - 0.6) * (y - 0.6)));
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s NX NY PAIRS\n", argv[0]);
        return 2;
    }
    int nx = atoi(argv[1]);
    int ny = atoi(argv[2]);
    int pairs = atoi(argv[3]);
    if (nx < 1 || ny < 1 || nx > 20000 || ny > 20000 || pairs < 0) {
        fprintf(stderr, "%s: need 1 <= NX, NY <= 20000 and PAIRS >= 0\n", argv[0]);
        return 2;
    }
    size_t cells = (size_t)nx * ny;
    double *k = malloc(cells * sizeof *k);
    double *u = malloc(cells * sizeof *u);
    if (k == NULL || u == NULL) {
        fprintf(stderr, "%s: no memory for %d x %d cells\n", argv[0], nx, ny);
        return 1;
    }
    ground(nx, ny, k, u);
    if (conduct(nx, ny, pairs, k, u) != 0) {
        fprintf(stderr, "%s: no memory\n", argv[0]);
        return 1;
    }

    double sum = 0.0;
    double largest = u[0];
    for (size_t c = 0; c < cells; c++) {
        sum += u[c];
        largest = u[c] > largest ? u[c] : largest;
    }
    printf("mean %.15g\nlargest %.15g\n", sum / (double)cells, largest);

    FILE *file = fopen("field.bin", "wb");
    if (file == NULL || fwrite(u, sizeof *u, cells, file) != cells || fclose(file) != 0) {
        perror("field.bin");
        return 1;
    }
    free(k);
    free(u);
    return 0;
}
