/* The lower triangle of C = alpha A B^T + alpha B A^T + beta C; A and B have n rows and m columns. */
void syr2k(int n, int m, double alpha, double beta, const double a[restrict n][m],
           const double b[restrict n][m], double c[restrict n][n])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            c[i][j] *= beta;
        }
        for (int k = 0; k < m; k++) {
            for (int j = 0; j <= i; j++) {
                c[i][j] += alpha * (a[i][k] * b[j][k] + b[i][k] * a[j][k]);
            }
        }
    }
}
