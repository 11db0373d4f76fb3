#include <cblas.h>

/* C = alpha A B + beta C for a symmetric A of which only the lower triangle is read. */
void symm(int m, int n, double alpha, double beta, const double a[restrict m][m],
          const double b[restrict m][n], double c[restrict m][n])
{
    cblas_dsymm(CblasRowMajor, CblasLeft, CblasLower, m, n, alpha, &a[0][0], m, &b[0][0], n, beta,
                &c[0][0], n);
}
