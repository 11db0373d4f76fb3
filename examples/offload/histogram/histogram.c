/* Grains that move from full boxes to empty ones: a histogram in every step. All of it in whole numbers. */
#include "histogram.h"

void spread(int grains, uint32_t *restrict place, int cells, int *restrict count, int steps, int drift)
{
    int shift = 32;
    for (int c = cells; c > 1; c /= 2) {
        shift--;
    }
    for (int step = 0; step < steps; step++) {
        for (int c = 0; c < cells; c++) {
            count[c] = 0;
        }
        for (int g = 0; g < grains; g++) {
            count[place[g] >> shift]++;
        }
        for (int g = 0; g < grains; g++) {
            int c = (int)(place[g] >> shift);
            int left = count[(c + cells - 1) & (cells - 1)];
            int right = count[(c + 1) & (cells - 1)];
            place[g] += (uint32_t)((left - right) * drift);
        }
    }
}
