/* histogram GRAINS CELLS STEPS: grains in two heaps on a ring. Prints how many the fullest box holds and how many
 * boxes are used, and writes the places to place.bin (u32) and the last numbers to count.bin (i32). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "histogram.h"

static uint32_t draw(void)
{
    static uint64_t state = 20260519;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static int save(const char *path, const void *data, size_t count)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 4, count, file) != count || fclose(file) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s GRAINS CELLS STEPS\n", argv[0]);
        return 2;
    }
    int grains = atoi(argv[1]);
    int cells = atoi(argv[2]);
    int steps = atoi(argv[3]);
    if (grains < 1 || grains > 100000000 || cells < 2 || cells > 65536 || (cells & (cells - 1)) != 0 || steps < 1) {
        fprintf(stderr, "%s: need 1 <= GRAINS <= 100000000, CELLS = 2, 4, ... 65536, STEPS >= 1\n", argv[0]);
        return 2;
    }
    uint32_t *place = malloc((size_t)grains * sizeof *place);
    int *count = malloc((size_t)cells * sizeof *count);
    if (place == NULL || count == NULL) {
        fprintf(stderr, "%s: no memory for %d grains\n", argv[0], grains);
        return 1;
    }
    for (int g = 0; g < grains; g++) {
        uint32_t bell = draw() / 8 + draw() / 8 + draw() / 8 + draw() / 8;
        place[g] = bell + (draw() % 3 == 0 ? 2500000000u : 400000000u);
    }

    int drift = (int)(100000000 / grains) + 1;
    spread(grains, place, cells, count, steps, drift);

    int fullest = count[0];
    int used = 0;
    for (int c = 0; c < cells; c++) {
        fullest = count[c] > fullest ? count[c] : fullest;
        used += count[c] > 0;
    }
    printf("fullest %d\nused %d\n", fullest, used);
    int failed = save("place.bin", place, (size_t)grains) || save("count.bin", count, (size_t)cells);
    free(place);
    free(count);
    return failed;
}
