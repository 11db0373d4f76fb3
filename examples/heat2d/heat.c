/* Heat conduction on a square plate: explicit Euler in time, five-point Laplacian in space. */
#include "heat.h"

/* One time step from `u` to `v`. The rim of the plate is kept at its temperature. */
static void sweep(int n, double r, const double *restrict u, double *restrict v)
{
    for (int i = 1; i < n - 1; i++) {
        for (int j = 1; j < n - 1; j++) {
            v[i * n + j] = u[i * n + j] + r * (u[(i - 1) * n + j] + u[(i + 1) * n + j] + u[i * n + j - 1]
                                               + u[i * n + j + 1] - 4.0 * u[i * n + j]);
        }
    }
}

double *diffuse(int n, int steps, double r, double *u, double *v)
{
    for (int step = 0; step < steps; step++) {
        sweep(n, r, u, v);
        double *old = u;
        u = v;
        v = old;
    }
    return u;
}
