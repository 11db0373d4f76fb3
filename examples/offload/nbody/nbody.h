#ifndef NBODY_H
#define NBODY_H

struct bodies {
    int n;
    double *mass;
    double *x, *y, *z;
    double *vx, *vy, *vz;
};

/* Takes `steps` steps of length `dt` (velocities first, then places). The constant of gravitation is 1. */
void evolve(struct bodies *all, int steps, double dt);

#endif
