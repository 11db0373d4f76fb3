#include <cblas.h>

/* The lower triangle of C = alpha A A^T + beta C. */
void syrk(int n, int m, double alpha, double beta, const double a[restrict n][m], double c[restrict n][n])
{
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, m, alpha, &a[0][0], m, beta, &c[0][0], n);
}
