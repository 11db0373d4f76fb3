#include "transport.h"

/* First-order upwind advection with diffusion: `q` after one step, from `p`. */
static void step(int rows, int columns, double cx, double cy, double d, const double *restrict p,
                 double *restrict q)
{
    const int stride = columns + 2;
    for (int i = 1; i <= rows; i++) {
        for (int j = 1; j <= columns; j++) {
            double here = p[i * stride + j];
            double west = p[i * stride + j - 1];
            double east = p[i * stride + j + 1];
            double south = p[(i - 1) * stride + j];
            double north = p[(i + 1) * stride + j];
            q[i * stride + j] = here - cx * (here - west) - cy * (here - south)
                                + d * (west + east + south + north - 4.0 * here);
        }
    }
}

void transport(Grid *grid, int steps, double cx, double cy, double d)
{
    Grid other = grid_new(grid->rows, grid->columns);
    for (int k = 0; k < steps; k++) {
        step(grid->rows, grid->columns, cx, cy, d, grid->cells, other.cells);
        double *swapped = grid->cells;
        grid->cells = other.cells;
        other.cells = swapped;
    }
    grid_free(&other);
}
