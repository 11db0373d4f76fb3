#ifndef CG_H
#define CG_H

/* Solves A x = b by conjugate gradients with the diagonal as preconditioner, `rounds` rounds from the x that is given.
 * A is the five-point operator of flow through porous ground on n x n cells: the conductance between two cells is the
 * mean of their conductivities `k`, and every cell leaks `leak`. Returns |b - A x| as the recurrence has it, or
 * -1 when there is no memory. */
double solve(int n, int rounds, double leak, const double *k, const double *b, double *x);

#endif
