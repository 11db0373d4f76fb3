/* Heat conduction in uneven ground, on a device: the conductivity goes there once, the temperature there and
 * back once, and the scratch field lives there only. */
#include "stencil.h"

#include <stdlib.h>

#define DT 0.2

static void step(int nx, int ny, const double *restrict k, const double *restrict u, double *restrict v)
{
    size_t cells = (size_t)nx * ny;
#pragma omp target teams distribute parallel for collapse(2) \
    map(present, alloc: k[0:cells], u[0:cells], v[0:cells])
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
    size_t cells = (size_t)nx * ny;
    double *v = malloc(cells * sizeof *v);
    if (v == NULL) {
        return 1;
    }
#pragma omp target data map(to: k[0:cells]) map(tofrom: u[0:cells]) map(alloc: v[0:cells])
    {
#pragma omp target teams distribute parallel for map(present, alloc: u[0:cells], v[0:cells])
        for (int c = 0; c < nx * ny; c++) {
            v[c] = u[c];
        }
        for (int pair = 0; pair < pairs; pair++) {
            step(nx, ny, k, u, v);
            step(nx, ny, k, v, u);
        }
    }
    free(v);
    return 0;
}
