#include <cblas.h>

/* A = A + u1 v1^T + u2 v2^T, then x = x + beta A^T y + z, then w = alpha A x. */
void gemver(int n, double alpha, double beta, double a[restrict n][n], const double u1[restrict n],
            const double v1[restrict n], const double u2[restrict n], const double v2[restrict n],
            const double y[restrict n], const double z[restrict n], double x[restrict n],
            double w[restrict n])
{
    cblas_dger(CblasRowMajor, n, n, 1.0, u1, 1, v1, 1, &a[0][0], n);
    cblas_dger(CblasRowMajor, n, n, 1.0, u2, 1, v2, 1, &a[0][0], n);
    cblas_daxpy(n, 1.0, z, 1, x, 1);
    cblas_dgemv(CblasRowMajor, CblasTrans, n, n, beta, &a[0][0], n, y, 1, 1.0, x, 1);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, alpha, &a[0][0], n, x, 1, 0.0, w, 1);
}
