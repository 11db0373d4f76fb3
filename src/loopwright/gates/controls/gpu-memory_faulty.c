/* One element past the mapped ones, in a target region. The array is too large for the runtime's own pools. */
#include <stdlib.h>

int main(void) {
    const int n = 1 << 18;
    double *values = calloc(n, sizeof *values);
    if (values == NULL)
        return 1;
#pragma omp target teams distribute parallel for map(tofrom : values[0 : n])
    for (int i = 0; i <= n; i++)
        values[i] += 1; /* planted */
    free(values);
    return 0;
}
