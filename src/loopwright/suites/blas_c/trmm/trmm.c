#include <cblas.h>

/* B = alpha A^T B for a lower triangular A with ones on its diagonal. */
void trmm(int m, int n, double alpha, const double a[restrict m][m], double b[restrict m][n])
{
    cblas_dtrmm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasUnit, m, n, alpha, &a[0][0], m,
                &b[0][0], n);
}
