/* nbody N STEPS: N bodies in a turning cube. Prints the kinetic energy at the end and writes places and velocities
 * to bodies.bin (doubles: x, y, z, vx, vy, vz, one array after the other). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "nbody.h"

/* Reproducible numbers between -1 and 1, the same on every machine. */
static double draw(void)
{
    static uint64_t state = 20260623;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 4503599627370496.0 - 1.0;
}

int main(int argc, char **argv)
{
    if (argc != 3 || atoi(argv[1]) < 1 || atoi(argv[1]) > 1000000 || atoi(argv[2]) < 0) {
        fprintf(stderr, "usage: %s N STEPS (1 to 1000000, at least 0)\n", argv[0]);
        return 2;
    }
    int n = atoi(argv[1]);
    double *mass = malloc((size_t)n * sizeof *mass);
    double *state = malloc((size_t)n * 6 * sizeof *state);
    if (mass == NULL || state == NULL) {
        fprintf(stderr, "%s: no memory for %d bodies\n", argv[0], n);
        return 1;
    }
    struct bodies all = {n, mass, state, state + n, state + 2 * (size_t)n, state + 3 * (size_t)n,
                         state + 4 * (size_t)n, state + 5 * (size_t)n};
    for (int i = 0; i < n; i++) {
        mass[i] = (1.5 + draw()) / n;
        all.x[i] = draw();
        all.y[i] = draw();
        all.z[i] = draw();
        all.vx[i] = 0.3 * all.y[i];
        all.vy[i] = -0.3 * all.x[i];
        all.vz[i] = 0.01 * draw();
    }

    evolve(&all, atoi(argv[2]), 1e-2);

    double energy = 0.0;
    for (int i = 0; i < n; i++) {
        energy += 0.5 * mass[i] * (all.vx[i] * all.vx[i] + all.vy[i] * all.vy[i] + all.vz[i] * all.vz[i]);
    }
    printf("energy %.15g\n", energy);
    FILE *file = fopen("bodies.bin", "wb");
    size_t count = (size_t)n * 6;
    if (file == NULL || fwrite(state, sizeof *state, count, file) != count || fclose(file) != 0) {
        perror("bodies.bin");
        return 1;
    }
    free(mass);
    free(state);
    return 0;
}
