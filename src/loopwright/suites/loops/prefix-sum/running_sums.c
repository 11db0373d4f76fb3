/* The running sums of x, the running sums of these, and so on: `order` times, as for integrating a signal
 * that often. */
void running_sums(int n, int order, const double *restrict x, double *restrict y)
{
    for (int i = 0; i < n; i++) {
        y[i] = x[i];
    }
    for (int t = 0; t < order; t++) {
        double sum = 0.0;
        for (int i = 0; i < n; i++) {
            sum += y[i];
            y[i] = sum;
        }
    }
}
