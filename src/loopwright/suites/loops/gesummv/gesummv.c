/* y = alpha A x + beta B x: two matrix-vector products at once. */
void gesummv(int n, double alpha, double beta, const double *restrict a, const double *restrict b,
             const double *restrict x, double *restrict y)
{
    for (int i = 0; i < n; i++) {
        double first = 0.0, second = 0.0;
        for (int j = 0; j < n; j++) {
            first += a[i * n + j] * x[j];
            second += b[i * n + j] * x[j];
        }
        y[i] = alpha * first + beta * second;
    }
}
