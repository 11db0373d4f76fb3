#include <stdio.h>
#include <stdlib.h>

struct grid {
    int n;
    double h, *cells, *next;
};

static void advance(struct grid *g)
{
#pragma omp target teams distribute parallel for map(to : g[0 : 1]) map(tofrom : g->cells[0 : g->n]) \
    map(from : g->next[0 : g->n])
    for (int i = 0; i < g->n; i++)
        g->next[i] = g->cells[i] * g->h;
}

int main(void)
{
    struct grid g = {64, 0.25, NULL, NULL};
    double sum = 0.0;
    g.cells = malloc(g.n * sizeof *g.cells);
    g.next = malloc(g.n * sizeof *g.next);
    for (int i = 0; i < g.n; i++)
        g.cells[i] = i;
    for (int s = 0; s < 3; s++) {
        advance(&g);
        double *swap = g.cells;
        g.cells = g.next;
        g.next = swap;
    }
    for (int i = 0; i < g.n; i++)
        sum += g.cells[i];
    printf("%d %g\n", g.n, sum);
    free(g.cells);
    free(g.next);
    return 0;
}
