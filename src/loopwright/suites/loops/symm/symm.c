/* C = alpha A B + beta C for a symmetric A of which only the lower triangle is read. */
void symm(int m, int n, double alpha, double beta, const double a[restrict m][m],
          const double b[restrict m][n], double c[restrict m][n])
{
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double left = 0.0;
            for (int k = 0; k < i; k++) {
                c[k][j] += alpha * a[i][k] * b[i][j];
                left += a[i][k] * b[k][j];
            }
            c[i][j] = beta * c[i][j] + alpha * (a[i][i] * b[i][j] + left);
        }
    }
}
