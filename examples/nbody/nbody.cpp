// Gravitational N-body problem: direct sum of the forces, leapfrog in time.
#include "nbody.hpp"

#include <cmath>

namespace {

constexpr double kSoftening = 1e-3;

// Changes every velocity by the pull of all bodies over a time `dt`.
void kick(std::vector<Body> &bodies, double dt)
{
    const int n = static_cast<int>(bodies.size());
    for (int i = 0; i < n; i++) {
        double ax = 0.0;
        double ay = 0.0;
        double az = 0.0;
        for (int j = 0; j < n; j++) {
            const double dx = bodies[j].x - bodies[i].x;
            const double dy = bodies[j].y - bodies[i].y;
            const double dz = bodies[j].z - bodies[i].z;
            const double r2 = dx * dx + dy * dy + dz * dz + kSoftening;
            const double s = bodies[j].mass / (r2 * std::sqrt(r2));
            ax += s * dx;
            ay += s * dy;
            az += s * dz;
        }
        bodies[i].vx += dt * ax;
        bodies[i].vy += dt * ay;
        bodies[i].vz += dt * az;
    }
}

// Moves every body along its velocity for a time `dt`.
void drift(std::vector<Body> &bodies, double dt)
{
    const int n = static_cast<int>(bodies.size());
    for (int i = 0; i < n; i++) {
        bodies[i].x += dt * bodies[i].vx;
        bodies[i].y += dt * bodies[i].vy;
        bodies[i].z += dt * bodies[i].vz;
    }
}

} // namespace

void evolve(std::vector<Body> &bodies, int steps, double dt)
{
    for (int step = 0; step < steps; step++) {
        kick(bodies, 0.5 * dt);
        drift(bodies, dt);
        kick(bodies, 0.5 * dt);
    }
}

double energy(const std::vector<Body> &bodies)
{
    const int n = static_cast<int>(bodies.size());
    double total = 0.0;
    for (int i = 0; i < n; i++) {
        const Body &a = bodies[i];
        total += 0.5 * a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz);
        for (int j = 0; j < i; j++) {
            const Body &b = bodies[j];
            const double dx = b.x - a.x;
            const double dy = b.y - a.y;
            const double dz = b.z - a.z;
            total -= a.mass * b.mass / std::sqrt(dx * dx + dy * dy + dz * dz + kSoftening);
        }
    }
    return total;
}
