#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

/* Grains on a ring of 2^32 places, cut into `cells` boxes (a power of two, at least 2). `steps` times: count the
 * grains of every box, then move each grain towards the emptier side, a place for every grain of difference, times
 * `drift`. `count` gets the last numbers that were counted. */
void spread(int grains, uint32_t *place, int cells, int *count, int steps, int drift);

#endif
