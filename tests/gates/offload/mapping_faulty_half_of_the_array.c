#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    (void)argv;
    int n = 4000 * argc;
    double *field = malloc(n * sizeof *field), total = 0.0;
    for (int i = 0; i < n; i++)
        field[i] = i % 5;
#pragma omp target teams distribute parallel for map(tofrom : field[0 : n / 2])
    for (int i = 0; i < n; i++)
        field[i] = field[i] * 0.5; /* fault: field */
    for (int i = 0; i < n; i++)
        total += field[i];
    printf("%g\n", total);
    free(field);
    return 0;
}
