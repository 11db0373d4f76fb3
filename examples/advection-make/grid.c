#include "grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

Grid grid_new(int rows, int columns)
{
    Grid grid = {rows, columns, columns + 2, NULL};
    grid.cells = calloc((size_t)(rows + 2) * (size_t)(columns + 2), sizeof *grid.cells);
    if (grid.cells == NULL) {
        fprintf(stderr, "no memory for %d x %d cells\n", rows, columns);
        exit(1);
    }
    return grid;
}

void grid_free(Grid *grid)
{
    free(grid->cells);
    grid->cells = NULL;
}

void grid_puff(Grid *grid)
{
    for (int i = 1; i <= grid->rows; i++) {
        for (int j = 1; j <= grid->columns; j++) {
            double y = (i - 0.5) / grid->rows - 0.3;
            double x = (j - 0.5) / grid->columns - 0.3;
            grid->cells[i * grid->stride + j] = exp(-60.0 * (x * x + y * y));
        }
    }
}

double grid_amount(const Grid *grid)
{
    double amount = 0.0;
    for (int i = 1; i <= grid->rows; i++) {
        for (int j = 1; j <= grid->columns; j++) {
            amount += grid->cells[i * grid->stride + j];
        }
    }
    return amount;
}
