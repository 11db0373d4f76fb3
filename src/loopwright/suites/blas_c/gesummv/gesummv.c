#include <cblas.h>

/* y = alpha A x + beta B x. */
void gesummv(int n, double alpha, double beta, const double *restrict a, const double *restrict b,
             const double *restrict x, double *restrict y)
{
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, alpha, a, n, x, 1, 0.0, y, 1);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, beta, b, n, x, 1, 1.0, y, 1);
}
