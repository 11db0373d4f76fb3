/* y = A^T (A x) for a matrix of m rows and n columns; the product with a row is used at once. */
void atax(int m, int n, const double a[restrict m][n], const double x[restrict n], double y[restrict n])
{
    for (int j = 0; j < n; j++) {
        y[j] = 0.0;
    }
    for (int i = 0; i < m; i++) {
        double row = 0.0;
        for (int j = 0; j < n; j++) {
            row += a[i][j] * x[j];
        }
        for (int j = 0; j < n; j++) {
            y[j] += a[i][j] * row;
        }
    }
}
