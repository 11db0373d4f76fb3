/* One of each kind of wrong mapping; every line that meets one says so. */
#include <stdio.h>
#include <stdlib.h>

struct grid {
    double *cells;
};

int main(void)
{
    int n = 64;
    double *to = malloc(n * sizeof *to), *none = malloc(n * sizeof *none), *late = malloc(n * sizeof *late);
    double *fresh = malloc(n * sizeof *fresh), *part = malloc(n * sizeof *part), sum = 0.0;
    struct grid grid = {malloc(n * sizeof(double))};
    for (int i = 0; i < n; i++)
        to[i] = none[i] = late[i] = fresh[i] = part[i] = grid.cells[i] = i + 1;
#pragma omp target teams distribute parallel for map(to : to[0 : n])
    for (int i = 0; i < n; i++)
        to[i] *= 2.0;
    for (int i = 0; i < n; i++)
        sum += to[i]; /* planted: never copied back */
#pragma omp target teams distribute parallel for
    for (int i = 0; i < n; i++)
        none[i] *= 2.0; /* planted: not mapped */
#pragma omp target data map(to : late[0 : n]) map(alloc : fresh[0 : n])
    {
        late[n - 1] = -1.0;
#pragma omp target map(tofrom : sum)
        for (int i = 0; i < n; i++)
            sum += late[i]; /* planted: written by the host after the copy */
#pragma omp target map(tofrom : sum)
        for (int i = 0; i < n; i++)
            sum += fresh[i]; /* planted: never copied in */
    }
#pragma omp target map(to : part[0 : n - 1]) map(tofrom : sum)
    for (int i = 0; i < n; i++)
        sum += part[i]; /* planted: one past the section */
#pragma omp target map(to : grid) map(tofrom : sum)
    for (int i = 0; i < n; i++)
        sum += grid.cells[i]; /* planted: a pointer inside */
    printf("%g\n", sum);
    return 0;
}
