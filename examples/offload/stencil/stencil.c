/* Heat conduction in uneven ground: explicit steps, the flux between two cells follows their mean conductivity. */
#include "stencil.h"

#include <stdlib.h>

#define DT 0.2

/* One step from `u` to `v`. */
static void step(int nx, int ny, const double *restrict k, const double *restrict u, double *restrict v)
{
    for (int i = 1; i < ny - 1; i++) {
        for (int j = 1; j < nx - 1; j++) {
            int c = i * nx + j;
            double north = 0.5 * (k[c] + k[c - nx]) * (u[c - nx] - u[c]);
            double south = 0.5 * (k[c] + k[c + nx]) * (u[c + nx] - u[c]);
            double west = 0.5 * (k[c] + k[c - 1]) * (u[c - 1] - u[c]);
            double east = 0.5 * (k[c] + k[c + 1]) * (u[c + 1] - u[c]);
            v[c] = u[c] + DT * (north + south + west + east);
        }
    }
}

int conduct(int nx, int ny, int pairs, const double *k, double *u)
{
    double *v = malloc((size_t)nx * ny * sizeof *v);
    if (v == NULL) {
        return 1;
    }
    for (int c = 0; c < nx * ny; c++) {
        v[c] = u[c];
    }
    for (int pair = 0; pair < pairs; pair++) {
        step(nx, ny, k, u, v);
        step(nx, ny, k, v, u);
    }
    free(v);
    return 0;
}
