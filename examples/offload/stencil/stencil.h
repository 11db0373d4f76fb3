#ifndef STENCIL_H
#define STENCIL_H

/* Takes 2 * `pairs` explicit steps of heat conduction in uneven ground: `k` is the conductivity and `u` the
 * temperature of nx x ny cells, row by row. Cells on the rim keep their temperature. Returns 0, or 1 when
 * there is no memory. */
int conduct(int nx, int ny, int pairs, const double *k, double *u);

#endif
