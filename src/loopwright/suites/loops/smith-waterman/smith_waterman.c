/* Local alignment of two sequences of n and m letters (Smith and Waterman 1981), gaps of any length at
 * `gap` a letter. score[i][j] is the best alignment that ends with a[i - 1] and b[j - 1]; the best of all is
 * returned. Scores of up to ten thousand letters fit a short. */
int smith_waterman(int n, int m, int match, int mismatch, int gap, const signed char a[restrict n],
                   const signed char b[restrict m], short score[restrict n + 1][m + 1])
{
    int best = 0;
    for (int j = 0; j <= m; j++) {
        score[0][j] = 0;
    }
    for (int i = 1; i <= n; i++) {
        score[i][0] = 0;
        for (int j = 1; j <= m; j++) {
            int here = score[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? match : -mismatch);
            if (score[i - 1][j] - gap > here) {
                here = score[i - 1][j] - gap;
            }
            if (score[i][j - 1] - gap > here) {
                here = score[i][j - 1] - gap;
            }
            if (here < 0) {
                here = 0;
            }
            score[i][j] = (short)here;
            if (here > best) {
                best = here;
            }
        }
    }
    return best;
}
