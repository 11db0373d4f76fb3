/* heat2d N STEPS: a plate of N x N points with a warm spot and one hot edge. Prints the mean, the largest
 * and the central temperature, and writes the field to field.bin (doubles, row by row). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "heat.h"

static void initial_field(int n, double *u)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double x = (j + 0.5) / n - 0.4;
            double y = (i + 0.5) / n - 0.6;
            u[i * n + j] = 20.0 + 80.0 * exp(-40.0 * (x * x + y * y));
        }
    }
    for (int j = 0; j < n; j++) {
        u[j] = 100.0;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s N STEPS\n", argv[0]);
        return 2;
    }
    int n = atoi(argv[1]);
    int steps = atoi(argv[2]);
    if (n < 1 || n > 30000 || steps < 0) {
        fprintf(stderr, "%s: need 1 <= N <= 30000 and STEPS >= 0\n", argv[0]);
        return 2;
    }
    double *a = malloc((size_t)n * n * sizeof *a);
    double *b = malloc((size_t)n * n * sizeof *b);
    if (a == NULL || b == NULL) {
        fprintf(stderr, "%s: no memory for %d x %d points\n", argv[0], n, n);
        return 1;
    }
    initial_field(n, a);
    initial_field(n, b);

    const double *u = diffuse(n, steps, 0.2, a, b);

    double sum = 0.0;
    double largest = u[0];
    for (int k = 0; k < n * n; k++) {
        sum += u[k];
        largest = u[k] > largest ? u[k] : largest;
    }
    printf("mean %.15g\nlargest %.15g\ncentre %.15g\n", sum / ((double)n * n), largest,
           u[n / 2 * n + n / 2]);

    FILE *file = fopen("field.bin", "wb");
    if (file == NULL || fwrite(u, sizeof *u, (size_t)n * n, file) != (size_t)n * n || fclose(file) != 0) {
        perror("field.bin");
        return 1;
    }
    free(a);
    free(b);
    return 0;
}
