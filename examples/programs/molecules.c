/* Molecular dynamics: Lennard-Jones atoms in a periodic box, all pairs, velocity Verlet.
   Usage: molecules CELLS STEPS      (4 * CELLS^3 atoms) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    double x, y, z;
} vec;

static double box;

static double nearest(double d)
{
    return d - box * floor(d / box + 0.5);
}

static double noise(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) / 16777216.0 - 0.5;
}

/* Forces on all atoms; returns the potential energy. */
static double forces(int n, const vec *pos, vec *force, double cutoff2)
{
    double energy = 0.0;
    for (int i = 0; i < n; i++) {
        double fx = 0.0, fy = 0.0, fz = 0.0;
        for (int j = 0; j < n; j++) {
            if (j == i)
                continue;
            double dx = nearest(pos[i].x - pos[j].x);
            double dy = nearest(pos[i].y - pos[j].y);
            double dz = nearest(pos[i].z - pos[j].z);
            double r2 = dx * dx + dy * dy + dz * dz;
            if (r2 < cutoff2) {
                double inv2 = 1.0 / r2;
                double inv6 = inv2 * inv2 * inv2;
                double f = 48.0 * inv2 * inv6 * (inv6 - 0.5);
                fx += f * dx;
                fy += f * dy;
                fz += f * dz;
                energy += 0.5 * 4.0 * inv6 * (inv6 - 1.0);
            }
        }
        force[i].x = fx;
        force[i].y = fy;
        force[i].z = fz;
    }
    return energy;
}

int main(int argc, char **argv)
{
    int cells = argc > 1 ? atoi(argv[1]) : 6;
    int steps = argc > 2 ? atoi(argv[2]) : 20;
    int n = 4 * cells * cells * cells, count = 0;
    double dt = 0.002, density = 0.8, kinetic = 0.0, potential;
    unsigned state = 12345u;
    vec *pos = malloc(n * sizeof *pos), *vel = malloc(n * sizeof *vel), *force = malloc(n * sizeof *force);
    static const double base[4][3] = {{0, 0, 0}, {0.5, 0.5, 0}, {0.5, 0, 0.5}, {0, 0.5, 0.5}};

    if (!pos || !vel || !force)
        return 1;
    box = cbrt(n / density);
    for (int a = 0; a < cells; a++)
        for (int b = 0; b < cells; b++)
            for (int c = 0; c < cells; c++)
                for (int k = 0; k < 4; k++, count++) {
                    pos[count].x = (a + base[k][0]) * box / cells;
                    pos[count].y = (b + base[k][1]) * box / cells;
                    pos[count].z = (c + base[k][2]) * box / cells;
                    vel[count].x = noise(&state);
                    vel[count].y = noise(&state);
                    vel[count].z = noise(&state);
                }

    potential = forces(n, pos, force, 6.25);
    for (int step = 0; step < steps; step++) {
        for (int i = 0; i < n; i++) {
            vel[i].x += 0.5 * dt * force[i].x;
            vel[i].y += 0.5 * dt * force[i].y;
            vel[i].z += 0.5 * dt * force[i].z;
            pos[i].x += dt * vel[i].x;
            pos[i].y += dt * vel[i].y;
            pos[i].z += dt * vel[i].z;
        }
        potential = forces(n, pos, force, 6.25);
        for (int i = 0; i < n; i++) {
            vel[i].x += 0.5 * dt * force[i].x;
            vel[i].y += 0.5 * dt * force[i].y;
            vel[i].z += 0.5 * dt * force[i].z;
        }
    }
    for (int i = 0; i < n; i++)
        kinetic += 0.5 * (vel[i].x * vel[i].x + vel[i].y * vel[i].y + vel[i].z * vel[i].z);
    printf("atoms %d\n", n);
    printf("potential %.10f\nkinetic %.10f\ntotal %.10f\n", potential / n, kinetic / n, (potential + kinetic) / n);
    printf("first %.10f %.10f %.10f\n", pos[0].x, pos[0].y, pos[0].z);
    free(pos);
    free(vel);
    free(force);
    return 0;
}
