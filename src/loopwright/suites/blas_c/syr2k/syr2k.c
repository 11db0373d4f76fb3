#include <cblas.h>

/* The lower triangle of C = alpha A B^T + alpha B A^T + beta C. */
void syr2k(int n, int m, double alpha, double beta, const double a[restrict n][m],
           const double b[restrict n][m], double c[restrict n][n])
{
    cblas_dsyr2k(CblasRowMajor, CblasLower, CblasNoTrans, n, m, alpha, &a[0][0], m, &b[0][0], m, beta,
                 &c[0][0], n);
}
