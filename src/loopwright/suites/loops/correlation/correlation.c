#include <math.h>

/* The m x m matrix of correlation coefficients of n observations of m variables. The data are standardised
 * in place, so that every coefficient is a mere sum of products. A variable that does not vary is
 * correlated with nothing but itself. */
void correlation(int n, int m, double data[restrict n][m], double mean[restrict m], double dev[restrict m],
                 double corr[restrict m][m])
{
    for (int j = 0; j < m; j++) {
        mean[j] = 0.0;
        for (int i = 0; i < n; i++) {
            mean[j] += data[i][j];
        }
        mean[j] /= n;
    }
    for (int j = 0; j < m; j++) {
        double sum = 0.0;
        for (int i = 0; i < n; i++) {
            sum += (data[i][j] - mean[j]) * (data[i][j] - mean[j]);
        }
        dev[j] = sqrt(sum / n);
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m; j++) {
            data[i][j] = dev[j] > 1e-12 ? (data[i][j] - mean[j]) / (sqrt(n) * dev[j]) : 0.0;
        }
    }
    for (int j = 0; j < m; j++) {
        corr[j][j] = 1.0;
        for (int k = j + 1; k < m; k++) {
            double sum = 0.0;
            for (int i = 0; i < n; i++) {
                sum += data[i][j] * data[i][k];
            }
            corr[j][k] = sum;
            corr[k][j] = sum;
        }
    }
}
