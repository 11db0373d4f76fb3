#include <cblas.h>

/* C = alpha A B + beta C. */
void gemm(int n, int m, int k, double alpha, double beta, const double a[restrict n][k],
          const double b[restrict k][m], double c[restrict n][m])
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, m, k, alpha, &a[0][0], k, &b[0][0], m, beta,
                &c[0][0], m);
}
