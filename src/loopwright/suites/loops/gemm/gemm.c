/* C = alpha A B + beta C for dense matrices: A has n rows and k columns, B has k rows and m columns. */
void gemm(int n, int m, int k, double alpha, double beta, const double a[restrict n][k],
          const double b[restrict k][m], double c[restrict n][m])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m; j++) {
            c[i][j] *= beta;
        }
        for (int p = 0; p < k; p++) {
            for (int j = 0; j < m; j++) {
                c[i][j] += alpha * a[i][p] * b[p][j];
            }
        }
    }
}
