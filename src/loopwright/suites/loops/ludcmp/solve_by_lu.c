/* Solves A x = b. A = L U replaces A, without pivoting; then L y = b from the top, U x = y from below. */
void solve_by_lu(int n, double a[restrict n][n], const double b[restrict n], double x[restrict n],
                 double y[restrict n])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            double w = a[i][j];
            for (int k = 0; k < j; k++) {
                w -= a[i][k] * a[k][j];
            }
            a[i][j] = w / a[j][j];
        }
        for (int j = i; j < n; j++) {
            double w = a[i][j];
            for (int k = 0; k < i; k++) {
                w -= a[i][k] * a[k][j];
            }
            a[i][j] = w;
        }
    }
    for (int i = 0; i < n; i++) {
        double w = b[i];
        for (int j = 0; j < i; j++) {
            w -= a[i][j] * y[j];
        }
        y[i] = w;
    }
    for (int i = n - 1; i >= 0; i--) {
        double w = y[i];
        for (int j = i + 1; j < n; j++) {
            w -= a[i][j] * x[j];
        }
        x[i] = w / a[i][i];
    }
}
