/* Hydrology: steady groundwater flow with uneven permeability. A sparse matrix in compressed rows,
   solved by conjugate gradients with Jacobi preconditioning.
   Usage: groundwater N ITERATIONS */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    int n;
    int *row;
    int *column;
    double *value;
} matrix;

static double permeability(int i, int j)
{
    return exp(1.5 * sin(0.21 * i) * cos(0.17 * j));
}

static matrix assemble(int size)
{
    matrix a;
    int i, j, k, used = 0;
    static const int di[4] = {-1, 0, 0, 1}, dj[4] = {0, -1, 1, 0};

    a.n = size * size;
    a.row = malloc((a.n + 1) * sizeof(int));
    a.column = malloc(5 * (size_t)a.n * sizeof(int));
    a.value = malloc(5 * (size_t)a.n * sizeof(double));
    if (!a.row || !a.column || !a.value)
        exit(1);
    for (i = 0; i < size; i++)
        for (j = 0; j < size; j++) {
            double diagonal = 0.0;
            a.row[i * size + j] = used;
            for (k = 0; k < 4; k++) {
                int ni = i + di[k], nj = j + dj[k];
                double t = 0.5 * (permeability(i, j) + permeability(ni, nj));
                diagonal += t;
                if (ni >= 0 && ni < size && nj >= 0 && nj < size) {
                    a.column[used] = ni * size + nj;
                    a.value[used++] = -t;
                }
            }
            a.column[used] = i * size + j;
            a.value[used++] = diagonal;
        }
    a.row[a.n] = used;
    return a;
}

static void multiply(const matrix *a, const double *x, double *y)
{
    int i, k;
    for (i = 0; i < a->n; i++) {
        double sum = 0.0;
        for (k = a->row[i]; k < a->row[i + 1]; k++)
            sum += a->value[k] * x[a->column[k]];
        y[i] = sum;
    }
}

static double dot(int n, const double *a, const double *b)
{
    int i;
    double sum = 0.0;
    for (i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

int main(int argc, char **argv)
{
    int size = argc > 1 ? atoi(argv[1]) : 200, iterations = argc > 2 ? atoi(argv[2]) : 100;
    int i, k, n, step;
    double rho, old, alpha, beta, head = 0.0;
    double *x, *r, *z, *p, *q, *inverse;
    matrix a = assemble(size);

    n = a.n;
    x = calloc(n, sizeof(double));
    r = calloc(n, sizeof(double));
    z = calloc(n, sizeof(double));
    p = calloc(n, sizeof(double));
    q = calloc(n, sizeof(double));
    inverse = calloc(n, sizeof(double));
    if (!x || !r || !z || !p || !q || !inverse)
        return 1;
    for (i = 0; i < n; i++)
        for (k = a.row[i]; k < a.row[i + 1]; k++)
            if (a.column[k] == i)
                inverse[i] = 1.0 / a.value[k];
    r[n / 3] = 1.0;
    r[n / 2 + size / 4] = -0.7;
    for (i = 0; i < n; i++) {
        z[i] = inverse[i] * r[i];
        p[i] = z[i];
    }
    rho = dot(n, r, z);
    for (step = 0; step < iterations; step++) {
        multiply(&a, p, q);
        alpha = rho / dot(n, p, q);
        for (i = 0; i < n; i++) {
            x[i] += alpha * p[i];
            r[i] -= alpha * q[i];
        }
        for (i = 0; i < n; i++)
            z[i] = inverse[i] * r[i];
        old = rho;
        rho = dot(n, r, z);
        beta = rho / old;
        for (i = 0; i < n; i++)
            p[i] = z[i] + beta * p[i];
    }
    for (i = 0; i < n; i++)
        head += fabs(x[i]);
    printf("unknowns %d\nmean head %.8g\n", n, head / n);
    printf("well %.8g sink %.8g\n", x[n / 3], x[n / 2 + size / 4]);
    return 0;
}
