/* The lower triangle of C = alpha A A^T + beta C; A has n rows and m columns. */
void syrk(int n, int m, double alpha, double beta, const double a[restrict n][m], double c[restrict n][n])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            c[i][j] *= beta;
        }
        for (int k = 0; k < m; k++) {
            for (int j = 0; j <= i; j++) {
                c[i][j] += alpha * a[i][k] * a[j][k];
            }
        }
    }
}
