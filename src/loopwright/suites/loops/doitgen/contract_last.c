/* Multiplies the last index of a three-index array by a matrix, in place:
 * a[r][q][s] becomes the sum over p of a[r][q][p] * c[p][s]. */
void contract_last(int nr, int nq, int np, double a[restrict nr][nq][np], const double c[restrict np][np])
{
    double sum[np];
    for (int r = 0; r < nr; r++) {
        for (int q = 0; q < nq; q++) {
            for (int s = 0; s < np; s++) {
                sum[s] = 0.0;
                for (int p = 0; p < np; p++) {
                    sum[s] += a[r][q][p] * c[p][s];
                }
            }
            for (int s = 0; s < np; s++) {
                a[r][q][s] = sum[s];
            }
        }
    }
}
