/* firstprivate copies the pointer, not the buffer behind it. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double *buffer = calloc(4, sizeof *buffer), *a = calloc(n, sizeof *a);
#pragma omp parallel for firstprivate(buffer)
    for (int i = 0; i < n; i++) {
        buffer[0] = i;            /* race */
        a[i] = buffer[0] + 1.0;   /* race */
    }
    printf("%g\n", a[0]);
    free(a);
    free(buffer);
    return 0;
}
