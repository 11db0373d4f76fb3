#include <cblas.h>

#include <math.h>

/* The correlation matrix of n observations of m variables, by a rank-n update. */
void correlation(int n, int m, double data[restrict n][m], double mean[restrict m], double dev[restrict m],
                 double corr[restrict m][m])
{
    for (int j = 0; j < m; j++) {
        mean[j] = 0.0;
    }
    for (int i = 0; i < n; i++) {
        cblas_daxpy(m, 1.0 / n, &data[i][0], 1, mean, 1);
    }
    for (int j = 0; j < m; j++) {
        dev[j] = 0.0;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m; j++) {
            data[i][j] -= mean[j];
            dev[j] += data[i][j] * data[i][j];
        }
    }
    for (int j = 0; j < m; j++) {
        dev[j] = sqrt(dev[j] / n);
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m; j++) {
            data[i][j] = dev[j] > 1e-12 ? data[i][j] / (sqrt(n) * dev[j]) : 0.0;
        }
    }
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, m, n, 1.0, &data[0][0], m, 0.0, &corr[0][0], m);
    for (int j = 0; j < m; j++) {
        corr[j][j] = 1.0;
        for (int k = j + 1; k < m; k++) {
            corr[k][j] = corr[j][k];
        }
    }
}
