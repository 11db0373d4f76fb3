#include <cblas.h>

/* D = alpha (A B) C + beta D. */
void two_products(int n, int m, int k, int l, double alpha, double beta, const double a[restrict n][k],
                  const double b[restrict k][m], const double c[restrict m][l], double t[restrict n][m],
                  double d[restrict n][l])
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, m, k, alpha, &a[0][0], k, &b[0][0], m, 0.0,
                &t[0][0], m);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, l, m, 1.0, &t[0][0], m, &c[0][0], l, beta,
                &d[0][0], l);
}
