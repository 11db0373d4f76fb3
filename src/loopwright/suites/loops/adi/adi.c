/* Two-dimensional heat equation by the alternating direction implicit method of Peaceman and Rachford (1955).
 * Each step solves a tridiagonal system along every column, then along every row (forward elimination with
 * p and q, then back substitution). `a` is dt / (2 h^2); u is held at its rim, v is half a step on. */
void adi(int n, int steps, double a, double u[restrict n][n], double v[restrict n][n])
{
    double p[n], q[n];
    for (int t = 0; t < steps; t++) {
        for (int j = 1; j < n - 1; j++) {
            v[0][j] = u[0][j];
            v[n - 1][j] = u[n - 1][j];
            p[0] = 0.0;
            q[0] = v[0][j];
            for (int i = 1; i < n - 1; i++) {
                double right = a * u[i][j - 1] + (1.0 - 2.0 * a) * u[i][j] + a * u[i][j + 1];
                double pivot = 1.0 + 2.0 * a - a * p[i - 1];
                p[i] = a / pivot;
                q[i] = (right + a * q[i - 1]) / pivot;
            }
            for (int i = n - 2; i >= 1; i--) {
                v[i][j] = p[i] * v[i + 1][j] + q[i];
            }
        }
        for (int i = 1; i < n - 1; i++) {
            p[0] = 0.0;
            q[0] = u[i][0];
            for (int j = 1; j < n - 1; j++) {
                double right = a * v[i - 1][j] + (1.0 - 2.0 * a) * v[i][j] + a * v[i + 1][j];
                double pivot = 1.0 + 2.0 * a - a * p[j - 1];
                p[j] = a / pivot;
                q[j] = (right + a * q[j - 1]) / pivot;
            }
            for (int j = n - 2; j >= 1; j--) {
                u[i][j] = p[j] * u[i][j + 1] + q[j];
            }
        }
    }
}
