#include <cblas.h>

/* G = (A B) (C D). */
void three_products(int n, int m, int k, int l, int q, const double a[restrict n][k],
                    const double b[restrict k][m], const double c[restrict m][q],
                    const double d[restrict q][l], double e[restrict n][m], double f[restrict m][l],
                    double g[restrict n][l])
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, m, k, 1.0, &a[0][0], k, &b[0][0], m, 0.0,
                &e[0][0], m);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, l, q, 1.0, &c[0][0], q, &d[0][0], l, 0.0,
                &f[0][0], l);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, l, m, 1.0, &e[0][0], m, &f[0][0], l, 0.0,
                &g[0][0], l);
}
