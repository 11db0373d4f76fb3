/* Solves the Yule-Walker equations T y = -(r[0] ... r[n-1]) by Durbin's recursion, T being the symmetric
 * Toeplitz matrix with ones on its diagonal and r[0] ... r[n-2] beside it (Golub and Van Loan, Matrix
 * Computations, section 4.7.3). `z` is a vector to work in. */
void durbin(int n, const double r[restrict n], double y[restrict n], double z[restrict n])
{
    double alpha = -r[0], beta = 1.0;
    y[0] = -r[0];
    z[0] = 0.0;
    for (int k = 1; k < n; k++) {
        beta *= 1.0 - alpha * alpha;
        double sum = 0.0;
        for (int i = 0; i < k; i++) {
            sum += r[k - i - 1] * y[i];
        }
        alpha = -(r[k] + sum) / beta;
        for (int i = 0; i < k; i++) {
            z[i] = y[i] + alpha * y[k - i - 1];
        }
        for (int i = 0; i < k; i++) {
            y[i] = z[i];
        }
        y[k] = alpha;
    }
}
