/* Gravitating bodies, direct sum of the forces. */
#include "nbody.h"

#include <math.h>

#define SOFTENING 1e-3

/* Changes every velocity by the pull of all bodies over a time `dt`. */
static void kick(int n, double dt, const double *restrict mass, const double *restrict x, const double *restrict y,
                 const double *restrict z, double *restrict vx, double *restrict vy, double *restrict vz)
{
    for (int i = 0; i < n; i++) {
        double ax = 0.0;
        double ay = 0.0;
        double az = 0.0;
        for (int j = 0; j < n; j++) {
            double dx = x[j] - x[i];
            double dy = y[j] - y[i];
            double dz = z[j] - z[i];
            double r2 = dx * dx + dy * dy + dz * dz + SOFTENING;
            double pull = mass[j] / (r2 * sqrt(r2));
            ax += pull * dx;
            ay += pull * dy;
            az += pull * dz;
        }
        vx[i] += dt * ax;
        vy[i] += dt * ay;
        vz[i] += dt * az;
    }
}

/* Moves every body along its velocity for a time `dt`. */
static void drift(int n, double dt, const double *restrict vx, const double *restrict vy, const double *restrict vz,
                  double *restrict x, double *restrict y, double *restrict z)
{
    for (int i = 0; i < n; i++) {
        x[i] += dt * vx[i];
        y[i] += dt * vy[i];
        z[i] += dt * vz[i];
    }
}

void evolve(struct bodies *all, int steps, double dt)
{
    int n = all->n;
    double *mass = all->mass;
    double *x = all->x;
    double *y = all->y;
    double *z = all->z;
    double *vx = all->vx;
    double *vy = all->vy;
    double *vz = all->vz;
    for (int step = 0; step < steps; step++) {
        kick(n, dt, mass, x, y, z, vx, vy, vz);
        drift(n, dt, vx, vy, vz, x, y, z);
    }
}
