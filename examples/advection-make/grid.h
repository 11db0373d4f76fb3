#ifndef GRID_H
#define GRID_H

/* A field of rows x columns cells with one ghost cell on every side, stored row by row. */
typedef struct {
    int rows;
    int columns;
    int stride; /* columns + 2 */
    double *cells;
} Grid;

/* A grid of zeros. Ends the program when there is no memory. */
Grid grid_new(int rows, int columns);
void grid_free(Grid *grid);

/* A round puff with its centre at (0.3, 0.3), in a unit square. */
void grid_puff(Grid *grid);

/* The amount of tracer: the sum over all cells, ghosts left out. */
double grid_amount(const Grid *grid);

#endif
