#include <cblas.h>

/* s = A^T r and q = A p. */
void bicg(int m, int n, const double a[restrict m][n], const double p[restrict n],
          const double r[restrict m], double q[restrict m], double s[restrict n])
{
    cblas_dgemv(CblasRowMajor, CblasTrans, m, n, 1.0, &a[0][0], n, r, 1, 0.0, s, 1);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1.0, &a[0][0], n, p, 1, 0.0, q, 1);
}
