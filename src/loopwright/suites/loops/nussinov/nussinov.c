/* The largest number of bases of seq[i..j] that can be paired without crossing, for all i and j (Nussinov
 * and Jacobson 1980). Bases are 0 to 3, a pair adds up to 3, and neighbours cannot pair. The lower triangle
 * of best is zero. */
void nussinov(int n, const int seq[restrict n], int best[restrict n][n])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            best[i][j] = 0;
        }
    }
    for (int i = n - 2; i >= 0; i--) {
        for (int j = i + 1; j < n; j++) {
            int most = best[i + 1][j] > best[i][j - 1] ? best[i + 1][j] : best[i][j - 1];
            if (j > i + 1) {
                int paired = best[i + 1][j - 1] + (seq[i] + seq[j] == 3);
                most = paired > most ? paired : most;
            }
            for (int k = i + 1; k < j; k++) {
                int split = best[i][k] + best[k + 1][j];
                most = split > most ? split : most;
            }
            best[i][j] = most;
        }
    }
}
