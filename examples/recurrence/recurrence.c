/* A saturating filter: every output depends on the one before it through a nonlinear term, so the loop
 * has no parallelism to find. It stands here as the case where "no gain" is the honest answer. */
void recurrence(int n, double a, const double *restrict x, double *restrict y)
{
    double state = 0.0;
    for (int i = 0; i < n; i++) {
        state = x[i] + a * state / (1.0 + state * state);
        y[i] = state;
    }
}
