/* Gravitating bodies on a device: masses go there once, places and velocities there and back once. */
#include "nbody.h"

#include <math.h>

#define SOFTENING 1e-3

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
#pragma omp target data map(to: mass[0:n]) map(tofrom: x[0:n], y[0:n], z[0:n], vx[0:n], vy[0:n], vz[0:n])
    for (int step = 0; step < steps; step++) {
#pragma omp target teams distribute parallel for \
    map(present, alloc: mass[0:n], x[0:n], y[0:n], z[0:n], vx[0:n], vy[0:n], vz[0:n])
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
#pragma omp target teams distribute parallel for \
    map(present, alloc: x[0:n], y[0:n], z[0:n], vx[0:n], vy[0:n], vz[0:n])
        for (int i = 0; i < n; i++) {
            x[i] += dt * vx[i];
            y[i] += dt * vy[i];
            z[i] += dt * vz[i];
        }
    }
}
