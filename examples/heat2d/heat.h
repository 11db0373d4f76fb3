#ifndef HEAT_H
#define HEAT_H

/* Takes `steps` steps with r = alpha dt / h^2 on an n x n plate (row-major). `u` and `v` both hold the
 * initial field; the one that is returned holds the last. */
double *diffuse(int n, int steps, double r, double *u, double *v);

#endif
