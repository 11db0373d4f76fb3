/* D = alpha (A B) C + beta D. The product A B is kept in t. */
void two_products(int n, int m, int k, int l, double alpha, double beta, const double a[restrict n][k],
                  const double b[restrict k][m], const double c[restrict m][l], double t[restrict n][m],
                  double d[restrict n][l])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m; j++) {
            double sum = 0.0;
            for (int p = 0; p < k; p++) {
                sum += a[i][p] * b[p][j];
            }
            t[i][j] = alpha * sum;
        }
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < l; j++) {
            double sum = beta * d[i][j];
            for (int p = 0; p < m; p++) {
                sum += t[i][p] * c[p][j];
            }
            d[i][j] = sum;
        }
    }
}
