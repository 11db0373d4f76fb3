#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The host's copy is filled by the C library, which nobody instruments. */
int main(void)
{
    enum { N = 64 };
    int *data = malloc(N * sizeof *data), seen[N], sum = 0;
    FILE *file = tmpfile();
    for (int i = 0; i < N; i++)
        seen[i] = i;
    fwrite(seen, sizeof *seen, N, file);
    memset(data, 0, N * sizeof *data);
#pragma omp target data map(alloc : data[0 : N])
    for (int round = 0; round < 2; round++) {
        rewind(file);
        if (fread(data, sizeof *data, N, file) != N)
            exit(1);
#pragma omp target update to(data[0 : N])
#pragma omp target teams distribute parallel for
        for (int i = 0; i < N; i++)
            data[i] *= 3;
#pragma omp target update from(data[0 : N])
        memcpy(seen, data, sizeof seen);
        for (int i = 0; i < N; i++)
            sum += seen[i];
    }
    printf("%d\n", sum);
    fclose(file);
    free(data);
    return 0;
}
