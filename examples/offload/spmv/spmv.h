#ifndef SPMV_H
#define SPMV_H

/* Spreads activity over a network: `sweeps` times y = A x, then x = source + 0.85 y. A has `rows` rows in
 * compressed form: row i holds the entries start[i] .. start[i+1]-1. What `y` held before does not matter. */
void propagate(int rows, const int *start, const int *column, const double *value, const double *source,
               int sweeps, double *x, double *y);

#endif
