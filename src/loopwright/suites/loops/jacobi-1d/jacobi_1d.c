/* Three-point Jacobi sweeps on a line, two at a time: from a to b and back. The ends are held. */
void jacobi_1d(int n, int steps, double a[restrict n], double b[restrict n])
{
    for (int t = 0; t < steps; t++) {
        for (int i = 1; i < n - 1; i++) {
            b[i] = (a[i - 1] + a[i] + a[i + 1]) / 3.0;
        }
        for (int i = 1; i < n - 1; i++) {
            a[i] = (b[i - 1] + b[i] + b[i + 1]) / 3.0;
        }
    }
}
