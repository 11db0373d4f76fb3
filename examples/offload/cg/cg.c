/* Conjugate gradients for flow through porous ground: six kernels a round, four arrays that live in the solver. */
#include "cg.h"

#include <math.h>
#include <stdlib.h>

/* y = A x. Beyond the rim nothing flows. */
static void apply(int n, double leak, const double *restrict k, const double *restrict x, double *restrict y)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            int c = i * n + j;
            double sum = leak * x[c];
            if (i > 0) {
                sum += 0.5 * (k[c] + k[c - n]) * (x[c] - x[c - n]);
            }
            if (i < n - 1) {
                sum += 0.5 * (k[c] + k[c + n]) * (x[c] - x[c + n]);
            }
            if (j > 0) {
                sum += 0.5 * (k[c] + k[c - 1]) * (x[c] - x[c - 1]);
            }
            if (j < n - 1) {
                sum += 0.5 * (k[c] + k[c + 1]) * (x[c] - x[c + 1]);
            }
            y[c] = sum;
        }
    }
}

static double dot(int cells, const double *restrict a, const double *restrict b)
{
    double sum = 0.0;
    for (int c = 0; c < cells; c++) {
        sum += a[c] * b[c];
    }
    return sum;
}

double solve(int n, int rounds, double leak, const double *k, const double *b, double *x)
{
    int cells = n * n;
    double *r = malloc((size_t)cells * sizeof *r);
    double *z = malloc((size_t)cells * sizeof *z);
    double *p = malloc((size_t)cells * sizeof *p);
    double *q = malloc((size_t)cells * sizeof *q);
    if (r == NULL || z == NULL || p == NULL || q == NULL) {
        free(r);
        free(z);
        free(p);
        free(q);
        return -1.0;
    }
    apply(n, leak, k, x, q);
    for (int c = 0; c < cells; c++) {
        r[c] = b[c] - q[c];
        z[c] = r[c] / (4.0 * k[c] + leak);
        p[c] = z[c];
    }
    double rz = dot(cells, r, z);
    for (int round = 0; round < rounds && rz > 0.0; round++) {
        apply(n, leak, k, p, q);
        double alpha = rz / dot(cells, p, q);
        for (int c = 0; c < cells; c++) {
            x[c] += alpha * p[c];
        }
        for (int c = 0; c < cells; c++) {
            r[c] -= alpha * q[c];
            z[c] = r[c] / (4.0 * k[c] + leak);
        }
        double next = dot(cells, r, z);
        double beta = next / rz;
        rz = next;
        for (int c = 0; c < cells; c++) {
            p[c] = z[c] + beta * p[c];
        }
    }
    double rest = sqrt(dot(cells, r, r));
    free(r);
    free(z);
    free(p);
    free(q);
    return rest;
}
