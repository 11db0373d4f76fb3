#include <stdio.h>
#include <stdlib.h>
#include <omp.h>

int main(void)
{
    int n = 60, device = omp_get_default_device(), host = omp_get_initial_device();
    double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    double *scratch = omp_target_alloc(n * sizeof *scratch, device);
    for (int i = 0; i < n; i++)
        a[i] = i;
    omp_target_memcpy(scratch, a, n * sizeof *a, 0, 0, device, host);
#pragma omp target teams distribute parallel for is_device_ptr(scratch)
    for (int i = 0; i < n; i++)
        scratch[i] = scratch[i] * scratch[i];
    omp_target_memcpy(b, scratch, n * sizeof *a, 0, 0, host, device);
    omp_target_free(scratch, device);
#pragma omp target data map(tofrom : b[0 : n]) use_device_addr(b[0 : n])
    {
#pragma omp target teams distribute parallel for has_device_addr(b[0 : n])
        for (int i = 0; i < n; i++)
            b[i] += 1.0;
    }
    printf("%g\n", b[n - 1]);
    free(a);
    free(b);
    return 0;
}
