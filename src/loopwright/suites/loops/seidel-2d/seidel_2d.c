/* Nine-point Gauss-Seidel sweeps on a square: each point becomes the mean of itself and its eight
 * neighbours, of which four have been through this sweep already. The rim is held. */
void seidel_2d(int n, int steps, double a[restrict n][n])
{
    for (int t = 0; t < steps; t++) {
        for (int i = 1; i < n - 1; i++) {
            for (int j = 1; j < n - 1; j++) {
                a[i][j] = (a[i - 1][j - 1] + a[i - 1][j] + a[i - 1][j + 1]
                           + a[i][j - 1] + a[i][j] + a[i][j + 1]
                           + a[i + 1][j - 1] + a[i + 1][j] + a[i + 1][j + 1]) / 9.0;
            }
        }
    }
}
