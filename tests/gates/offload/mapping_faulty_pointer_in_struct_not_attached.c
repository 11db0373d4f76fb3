#include <stdio.h>
#include <stdlib.h>

struct grid {
    int n;
    double *cells;
};

int main(void)
{
    struct grid g = {90, NULL};
    g.cells = malloc(g.n * sizeof *g.cells);
    for (int i = 0; i < g.n; i++)
        g.cells[i] = i;
#pragma omp target teams distribute parallel for map(tofrom : g)
    for (int i = 0; i < g.n; i++)
        g.cells[i] += 1.0; /* fault: g.cells */
    printf("%g\n", g.cells[g.n - 1]);
    free(g.cells);
    return 0;
}
