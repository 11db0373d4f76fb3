#ifndef NBODY_HPP
#define NBODY_HPP

#include <vector>

struct Body {
    double x, y, z;
    double vx, vy, vz;
    double mass;
};

// Takes `steps` leapfrog steps of length `dt`. The constant of gravitation is 1.
void evolve(std::vector<Body> &bodies, int steps, double dt);

// Kinetic and potential energy together.
double energy(const std::vector<Body> &bodies);

#endif
