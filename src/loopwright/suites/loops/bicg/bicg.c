/* The two matrix-vector products of one step of the biconjugate gradient method: s = A^T r and q = A p. */
void bicg(int m, int n, const double a[restrict m][n], const double p[restrict n],
          const double r[restrict m], double q[restrict m], double s[restrict n])
{
    for (int j = 0; j < n; j++) {
        s[j] = 0.0;
    }
    for (int i = 0; i < m; i++) {
        q[i] = 0.0;
        for (int j = 0; j < n; j++) {
            s[j] += r[i] * a[i][j];
            q[i] += a[i][j] * p[j];
        }
    }
}
