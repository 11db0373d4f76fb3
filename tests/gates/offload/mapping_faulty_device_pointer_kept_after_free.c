#include <stdio.h>
#include <stdlib.h>

#include <omp.h>

int main(void)
{
    int n = 40, device = omp_get_default_device();
    double *kept = NULL, *p = malloc(n * sizeof *p), last = 0.0;
    for (int i = 0; i < n; i++)
        p[i] = i;
#pragma omp target enter data map(to : p[0 : n])
#pragma omp target data use_device_ptr(p)
    kept = p;
#pragma omp target exit data map(delete : p[0 : n])
#pragma omp target is_device_ptr(kept) map(from : last) device(device)
    last = kept[n - 1]; /* fault: p */
    printf("%g\n", last);
    free(p);
    return 0;
}
