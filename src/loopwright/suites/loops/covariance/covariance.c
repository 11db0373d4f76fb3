/* The m x m covariance matrix of n observations of m variables. The data are centred in place. */
void covariance(int n, int m, double data[restrict n][m], double mean[restrict m], double cov[restrict m][m])
{
    for (int j = 0; j < m; j++) {
        mean[j] = 0.0;
        for (int i = 0; i < n; i++) {
            mean[j] += data[i][j];
        }
        mean[j] /= n;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m; j++) {
            data[i][j] -= mean[j];
        }
    }
    for (int j = 0; j < m; j++) {
        for (int k = j; k < m; k++) {
            double sum = 0.0;
            for (int i = 0; i < n; i++) {
                sum += data[i][j] * data[i][k];
            }
            cov[j][k] = sum / (n - 1);
            cov[k][j] = cov[j][k];
        }
    }
}
