#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "grid.h"

/* Carries the tracer in `grid` for `steps` time steps with Courant numbers `cx` and `cy` (both positive,
 * cx + cy <= 1) and diffusion number `d`. Clean air flows in, tracer flows out. */
void transport(Grid *grid, int steps, double cx, double cy, double d);

#endif
