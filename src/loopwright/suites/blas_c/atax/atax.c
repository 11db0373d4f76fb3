#include <cblas.h>

/* y = A^T (A x). */
void atax(int m, int n, const double a[restrict m][n], const double x[restrict n], double y[restrict n])
{
    double ax[m];
    cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1.0, &a[0][0], n, x, 1, 0.0, ax, 1);
    cblas_dgemv(CblasRowMajor, CblasTrans, m, n, 1.0, &a[0][0], n, ax, 1, 0.0, y, 1);
}
