/* How many of the samples, all in [0, 1), fall into each of `bins` equal intervals, and with what weight. */
void histogram(int n, int bins, const double *restrict samples, const double *restrict weights,
               int *restrict counts, double *restrict sums)
{
    for (int b = 0; b < bins; b++) {
        counts[b] = 0;
        sums[b] = 0.0;
    }
    for (int i = 0; i < n; i++) {
        int b = (int)(samples[i] * bins);
        counts[b]++;
        sums[b] += weights[i];
    }
}
