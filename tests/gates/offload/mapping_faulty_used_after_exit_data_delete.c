#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 70;
    double *table = malloc(n * sizeof *table), *out = malloc(n * sizeof *out);
    for (int i = 0; i < n; i++)
        table[i] = i;
#pragma omp target enter data map(to : table[0 : n])
#pragma omp target teams distribute parallel for map(from : out[0 : n])
    for (int i = 0; i < n; i++)
        out[i] = table[i];
#pragma omp target exit data map(delete : table[0 : n])
#pragma omp target teams distribute parallel for map(tofrom : out[0 : n])
    for (int i = 0; i < n; i++)
        out[i] += table[i]; /* fault: table */
    printf("%g\n", out[n - 1]);
    free(table);
    free(out);
    return 0;
}
