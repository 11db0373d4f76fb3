#include <cblas.h>

/* The covariance matrix of n observations of m variables, by a rank-n update. */
void covariance(int n, int m, double data[restrict n][m], double mean[restrict m], double cov[restrict m][m])
{
    for (int j = 0; j < m; j++) {
        mean[j] = 0.0;
    }
    for (int i = 0; i < n; i++) {
        cblas_daxpy(m, 1.0 / n, &data[i][0], 1, mean, 1);
    }
    for (int i = 0; i < n; i++) {
        cblas_daxpy(m, -1.0, mean, 1, &data[i][0], 1);
    }
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, m, n, 1.0 / (n - 1), &data[0][0], m, 0.0, &cov[0][0],
                m);
    for (int j = 0; j < m; j++) {
        for (int k = j + 1; k < m; k++) {
            cov[k][j] = cov[j][k];
        }
    }
}
