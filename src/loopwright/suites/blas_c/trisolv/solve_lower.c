#include <cblas.h>

/* Solves L x = b for a lower triangular matrix. */
void solve_lower(int n, const double l[restrict n][n], const double b[restrict n], double x[restrict n])
{
    cblas_dcopy(n, b, 1, x, 1);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, &l[0][0], n, x, 1);
}
