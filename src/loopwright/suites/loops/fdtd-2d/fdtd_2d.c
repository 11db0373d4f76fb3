/* Maxwell's equations in two dimensions by finite differences on a staggered grid (Yee, 1966): the electric
 * field ex, ey in the plane, the magnetic field hz across it; source[t] drives ey along the first row. */
void fdtd_2d(int nx, int ny, int steps, const double source[restrict steps], double ex[restrict nx][ny],
             double ey[restrict nx][ny], double hz[restrict nx][ny])
{
    for (int t = 0; t < steps; t++) {
        for (int j = 0; j < ny; j++) {
            ey[0][j] = source[t];
        }
        for (int i = 1; i < nx; i++) {
            for (int j = 0; j < ny; j++) {
                ey[i][j] -= 0.5 * (hz[i][j] - hz[i - 1][j]);
            }
        }
        for (int i = 0; i < nx; i++) {
            for (int j = 1; j < ny; j++) {
                ex[i][j] -= 0.5 * (hz[i][j] - hz[i][j - 1]);
            }
        }
        for (int i = 0; i < nx - 1; i++) {
            for (int j = 0; j < ny - 1; j++) {
                hz[i][j] -= 0.7 * (ex[i][j + 1] - ex[i][j] + ey[i + 1][j] - ey[i][j]);
            }
        }
    }
}
