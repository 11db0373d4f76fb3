/* Grains that move from full boxes to empty ones, on a device: the grains go there and back once, and the boxes come
 * back once. */
#include "histogram.h"

void spread(int grains, uint32_t *restrict place, int cells, int *restrict count, int steps, int drift)
{
    int shift = 32;
    for (int c = cells; c > 1; c /= 2) {
        shift--;
    }
#pragma omp target data map(tofrom: place[0:grains]) map(from: count[0:cells])
    for (int step = 0; step < steps; step++) {
#pragma omp target teams distribute parallel for map(present, alloc: count[0:cells])
        for (int c = 0; c < cells; c++) {
            count[c] = 0;
        }
#pragma omp target teams distribute parallel for map(present, alloc: place[0:grains], count[0:cells])
        for (int g = 0; g < grains; g++) {
#pragma omp atomic update
            count[place[g] >> shift]++;
        }
#pragma omp target teams distribute parallel for map(present, alloc: place[0:grains], count[0:cells])
        for (int g = 0; g < grains; g++) {
            int c = (int)(place[g] >> shift);
            int left = count[(c + cells - 1) & (cells - 1)];
            int right = count[(c + 1) & (cells - 1)];
            place[g] += (uint32_t)((left - right) * drift);
        }
    }
}
