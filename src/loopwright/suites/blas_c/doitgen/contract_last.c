#include <cblas.h>

#include <stdlib.h>
#include <string.h>

/* Multiplies the last index of a three-index array by a matrix, a slab at a time. */
void contract_last(int nr, int nq, int np, double a[restrict nr][nq][np], const double c[restrict np][np])
{
    double *slab = malloc(sizeof(double) * nq * np);
    if (slab == NULL) {
        abort();
    }
    for (int r = 0; r < nr; r++) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, nq, np, np, 1.0, &a[r][0][0], np, &c[0][0],
                    np, 0.0, slab, np);
        memcpy(&a[r][0][0], slab, sizeof(double) * nq * np);
    }
    free(slab);
}
