/* Heat in a plate with a hot spot: explicit finite differences, written the C89 way.
   Usage: heat N STEPS */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define AT(i, j) ((i) * n + (j))

int main(int argc, char **argv)
{
    int i, j, t, n, steps;
    double *now, *next, *conductivity, *swap;
    double dx, dt, flux_x, flux_y, total, hottest;

    n = argc > 1 ? atoi(argv[1]) : 300;
    steps = argc > 2 ? atoi(argv[2]) : 100;
    if (n < 3 || steps < 0) {
        fprintf(stderr, "heat: needs N > 2 and STEPS >= 0\n");
        return 2;
    }
    now = (double *)malloc((size_t)n * n * sizeof(double));
    next = (double *)malloc((size_t)n * n * sizeof(double));
    conductivity = (double *)malloc((size_t)n * n * sizeof(double));
    if (now == NULL || next == NULL || conductivity == NULL) {
        fprintf(stderr, "heat: out of memory\n");
        return 1;
    }
    dx = 1.0 / (n - 1);
    dt = 0.2 * dx * dx;

    for (i = 0; i < n; i++) {
        for (j = 0; j < n; j++) {
            double x = i * dx, y = j * dx;
            conductivity[AT(i, j)] = 0.6 + 0.4 * sin(9.0 * x) * cos(7.0 * y);
            now[AT(i, j)] = exp(-40.0 * ((x - 0.3) * (x - 0.3) + (y - 0.6) * (y - 0.6)));
            next[AT(i, j)] = now[AT(i, j)];
        }
    }

    for (t = 0; t < steps; t++) {
        for (i = 1; i < n - 1; i++) {
            for (j = 1; j < n - 1; j++) {
                flux_x = 0.5 * (conductivity[AT(i + 1, j)] + conductivity[AT(i, j)]) *
                             (now[AT(i + 1, j)] - now[AT(i, j)]) -
                         0.5 * (conductivity[AT(i, j)] + conductivity[AT(i - 1, j)]) *
                             (now[AT(i, j)] - now[AT(i - 1, j)]);
                flux_y = 0.5 * (conductivity[AT(i, j + 1)] + conductivity[AT(i, j)]) *
                             (now[AT(i, j + 1)] - now[AT(i, j)]) -
                         0.5 * (conductivity[AT(i, j)] + conductivity[AT(i, j - 1)]) *
                             (now[AT(i, j)] - now[AT(i, j - 1)]);
                next[AT(i, j)] = now[AT(i, j)] + dt / (dx * dx) * (flux_x + flux_y);
            }
        }
        /* insulated rim: copy the neighbours */
        for (i = 1; i < n - 1; i++) {
            next[AT(i, 0)] = next[AT(i, 1)];
            next[AT(i, n - 1)] = next[AT(i, n - 2)];
        }
        for (j = 0; j < n; j++) {
            next[AT(0, j)] = next[AT(1, j)];
            next[AT(n - 1, j)] = next[AT(n - 2, j)];
        }
        swap = now;
        now = next;
        next = swap;
    }

    total = 0.0;
    hottest = now[0];
    for (i = 0; i < n; i++)
        for (j = 0; j < n; j++) {
            total += now[AT(i, j)];
            if (now[AT(i, j)] > hottest)
                hottest = now[AT(i, j)];
        }
    printf("total %.12g\n", total * dx * dx);
    printf("hottest %.12g\n", hottest);
    for (i = 0; i < n; i += n / 3 + 1)
        printf("profile %d %.12g\n", i, now[AT(i, n / 2)]);
    free(now);
    free(next);
    free(conductivity);
    return 0;
}
