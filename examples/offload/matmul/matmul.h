#ifndef MATMUL_H
#define MATMUL_H

/* c = a b + 0.5 c, with a of n x m, b of m x p and c of n x p elements, row by row. */
void product(int n, int m, int p, const double *a, const double *b, double *c);

#endif
