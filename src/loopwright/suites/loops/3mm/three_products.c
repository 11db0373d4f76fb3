/* G = E F with E = A B and F = C D. */
void three_products(int n, int m, int k, int l, int q, const double a[restrict n][k],
                    const double b[restrict k][m], const double c[restrict m][q],
                    const double d[restrict q][l], double e[restrict n][m], double f[restrict m][l],
                    double g[restrict n][l])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m; j++) {
            double sum = 0.0;
            for (int p = 0; p < k; p++) {
                sum += a[i][p] * b[p][j];
            }
            e[i][j] = sum;
        }
    }
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < l; j++) {
            double sum = 0.0;
            for (int p = 0; p < q; p++) {
                sum += c[i][p] * d[p][j];
            }
            f[i][j] = sum;
        }
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < l; j++) {
            double sum = 0.0;
            for (int p = 0; p < m; p++) {
                sum += e[i][p] * f[p][j];
            }
            g[i][j] = sum;
        }
    }
}
