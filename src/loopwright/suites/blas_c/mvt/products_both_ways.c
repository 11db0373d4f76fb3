#include <cblas.h>

/* x1 = x1 + A y1 and x2 = x2 + A^T y2. */
void products_both_ways(int n, const double a[restrict n][n], const double y1[restrict n],
                        const double y2[restrict n], double x1[restrict n], double x2[restrict n])
{
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, 1.0, &a[0][0], n, y1, 1, 1.0, x1, 1);
    cblas_dgemv(CblasRowMajor, CblasTrans, n, n, 1.0, &a[0][0], n, y2, 1, 1.0, x2, 1);
}
