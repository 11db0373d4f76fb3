/* advection ROWS COLUMNS STEPS: a puff of tracer in a diagonal wind. Prints its amount before and after,
 * then the concentration along the middle row in 16 places. */
#include <stdio.h>
#include <stdlib.h>

#include "grid.h"
#include "transport.h"

int main(int argc, char **argv)
{
    if (argc != 4 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1 || atoi(argv[3]) < 0) {
        fprintf(stderr, "usage: %s ROWS COLUMNS STEPS\n", argv[0]);
        return 2;
    }
    Grid grid = grid_new(atoi(argv[1]), atoi(argv[2]));
    grid_puff(&grid);
    printf("before %.15g\n", grid_amount(&grid));
    transport(&grid, atoi(argv[3]), 0.3, 0.2, 0.05);
    printf("after %.15g\n", grid_amount(&grid));
    const double *middle = grid.cells + (grid.rows / 2 + 1) * grid.stride;
    for (int k = 0; k < 16; k++) {
        printf("%.15g\n", middle[1 + (grid.columns - 1) * k / 15]);
    }
    FILE *file = fopen("tracer.bin", "wb");
    for (int i = 1; file != NULL && i <= grid.rows; i++) {
        fwrite(grid.cells + i * grid.stride + 1, sizeof(double), (size_t)grid.columns, file);
    }
    if (file == NULL || ferror(file) || fclose(file) != 0) {
        perror("tracer.bin");
        return 1;
    }
    grid_free(&grid);
    return 0;
}
