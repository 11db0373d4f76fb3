/* Conjugate gradients on a device: ground and right side go there once, the heads there and back once; the four
 * arrays of the solver live there only, and every dot product brings back one number. */
#include "cg.h"

#include <math.h>
#include <stdlib.h>

static void apply(int n, double leak, const double *restrict k, const double *restrict x, double *restrict y)
{
    int cells = n * n;
#pragma omp target teams distribute parallel for collapse(2) \
    map(present, alloc: k[0:cells], x[0:cells], y[0:cells])
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

static double dot(int cells, const double *a, const double *b)
{
    double sum = 0.0;
#pragma omp target teams distribute parallel for reduction(+: sum) map(tofrom: sum) \
    map(present, alloc: a[0:cells], b[0:cells])
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
    double rest = 0.0;
#pragma omp target data map(to: k[0:cells], b[0:cells]) map(tofrom: x[0:cells]) \
    map(alloc: r[0:cells], z[0:cells], p[0:cells], q[0:cells])
    {
        apply(n, leak, k, x, q);
        double rz = 0.0;
#pragma omp target teams distribute parallel for reduction(+: rz) map(tofrom: rz) map(present, alloc: k[0:cells], \
    b[0:cells], r[0:cells], z[0:cells], p[0:cells], q[0:cells])
        for (int c = 0; c < cells; c++) {
            r[c] = b[c] - q[c];
            z[c] = r[c] / (4.0 * k[c] + leak);
            p[c] = z[c];
            rz += r[c] * z[c];
        }
        for (int round = 0; round < rounds && rz > 0.0; round++) {
            apply(n, leak, k, p, q);
            double alpha = rz / dot(cells, p, q);
            double next = 0.0;
#pragma omp target teams distribute parallel for reduction(+: next) map(tofrom: next) map(present, alloc: k[0:cells], \
    x[0:cells], r[0:cells], z[0:cells], p[0:cells], q[0:cells])
            for (int c = 0; c < cells; c++) {
                x[c] += alpha * p[c];
                r[c] -= alpha * q[c];
                z[c] = r[c] / (4.0 * k[c] + leak);
                next += r[c] * z[c];
            }
            double beta = next / rz;
            rz = next;
#pragma omp target teams distribute parallel for map(present, alloc: p[0:cells], z[0:cells])
            for (int c = 0; c < cells; c++) {
                p[c] = z[c] + beta * p[c];
            }
        }
        rest = sqrt(dot(cells, r, r));
    }
    free(r);
    free(z);
    free(p);
    free(q);
    return rest;
}
