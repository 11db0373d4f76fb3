/* Seismics: acoustic waves in a layered medium, fourth order in space, absorbing sponge, one shot.
   Usage: seismic NX NZ STEPS */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct model {
    int nx, nz;
    double dt, h;
    float *velocity, *damping;
};

static struct model make_model(int nx, int nz)
{
    struct model m;
    int x, z;

    m.nx = nx;
    m.nz = nz;
    m.h = 10.0;
    m.dt = 0.0012;
    m.velocity = malloc((size_t)nx * nz * sizeof(float));
    m.damping = malloc((size_t)nx * nz * sizeof(float));
    if (!m.velocity || !m.damping)
        exit(1);
    for (z = 0; z < nz; z++)
        for (x = 0; x < nx; x++) {
            int rim = x < nx - 1 - x ? x : nx - 1 - x;
            rim = z < rim ? z : rim;
            rim = nz - 1 - z < rim ? nz - 1 - z : rim;
            m.velocity[z * nx + x] = z < nz / 3 ? 1500.0f : z < nz / 2 + 8 * sin(0.05 * x) ? 2200.0f : 3100.0f;
            m.damping[z * nx + x] = rim < 30 ? 1.0f - 0.0004f * (30 - rim) * (30 - rim) / 30.0f : 1.0f;
        }
    return m;
}

static void propagate(const struct model *m, const float *u, const float *old, float *next)
{
    const int nx = m->nx, nz = m->nz;
    const float c0 = -5.0f / 2.0f, c1 = 4.0f / 3.0f, c2 = -1.0f / 12.0f;
    const float scale = (float)(m->dt * m->dt / (m->h * m->h));

    for (int z = 2; z < nz - 2; z++) {
        for (int x = 2; x < nx - 2; x++) {
            int at = z * nx + x;
            float laplace = 2 * c0 * u[at] + c1 * (u[at - 1] + u[at + 1] + u[at - nx] + u[at + nx]) +
                            c2 * (u[at - 2] + u[at + 2] + u[at - 2 * nx] + u[at + 2 * nx]);
            float v = m->velocity[at];
            next[at] = m->damping[at] * (2 * u[at] - m->damping[at] * old[at] + scale * v * v * laplace);
        }
    }
}

int main(int argc, char **argv)
{
    int nx = argc > 1 ? atoi(argv[1]) : 400, nz = argc > 2 ? atoi(argv[2]) : 300;
    int steps = argc > 3 ? atoi(argv[3]) : 200, t, i;
    struct model m = make_model(nx, nz);
    float *old = calloc((size_t)nx * nz, sizeof(float)), *now = calloc((size_t)nx * nz, sizeof(float));
    float *next = calloc((size_t)nx * nz, sizeof(float));
    double *trace = malloc(nx * sizeof(double));
    double energy = 0.0, strongest = 0.0;

    if (!old || !now || !next || !trace)
        return 1;
    for (i = 0; i < nx; i++)
        trace[i] = 0.0;
    for (t = 0; t < steps; t++) {
        double phase = 3.14159265358979 * 12.0 * (t * m.dt - 0.1);
        float *swap;
        propagate(&m, now, old, next);
        next[nz / 6 * nx + nx / 2] += (float)((1.0 - 2.0 * phase * phase) * exp(-phase * phase));
        for (i = 0; i < nx; i++)
            trace[i] += next[40 * nx + i] * next[40 * nx + i];
        swap = old;
        old = now;
        now = next;
        next = swap;
    }
    for (i = 0; i < nx * nz; i++)
        energy += (double)now[i] * now[i];
    for (i = 0; i < nx; i++)
        if (trace[i] > strongest)
            strongest = trace[i];
    printf("energy %.6g\nstrongest trace %.6g\n", energy, strongest);
    for (i = nx / 8; i < nx; i += nx / 4)
        printf("trace %d %.5g\n", i, trace[i]);
    return 0;
}
