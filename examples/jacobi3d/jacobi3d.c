/* One Jacobi sweep for the Poisson equation -laplace(u) = f on an n x n x n grid with spacing h.
 * `v` gets the new values of inner points; its boundary is left as it is. */
void jacobi3d(int n, double h, const double *restrict f, const double *restrict u, double *restrict v)
{
    for (int i = 1; i < n - 1; i++) {
        for (int j = 1; j < n - 1; j++) {
            for (int k = 1; k < n - 1; k++) {
                int p = (i * n + j) * n + k;
                v[p] = (u[p - n * n] + u[p + n * n] + u[p - n] + u[p + n] + u[p - 1] + u[p + 1]
                        + h * h * f[p]) / 6.0;
            }
        }
    }
}
