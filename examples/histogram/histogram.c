/* Counts how many of the `n` samples, all in [0, 1), fall into each of `bins` equal intervals. */
void histogram(int n, const double *restrict samples, int bins, int *restrict counts)
{
    for (int b = 0; b < bins; b++) {
        counts[b] = 0;
    }
    for (int i = 0; i < n; i++) {
        int b = (int)(samples[i] * bins);
        counts[b]++;
    }
}
