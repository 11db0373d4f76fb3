#include <math.h>

/* A = Q R by the modified Gram-Schmidt process: Q has orthonormal columns, R is upper triangular (what is
 * below its diagonal is left alone). The columns of A end as what is left of them before they are
 * normalised. */
void gram_schmidt(int m, int n, double a[restrict m][n], double q[restrict m][n], double r[restrict n][n])
{
    for (int k = 0; k < n; k++) {
        double norm = 0.0;
        for (int i = 0; i < m; i++) {
            norm += a[i][k] * a[i][k];
        }
        r[k][k] = sqrt(norm);
        for (int i = 0; i < m; i++) {
            q[i][k] = a[i][k] / r[k][k];
        }
        for (int j = k + 1; j < n; j++) {
            r[k][j] = 0.0;
            for (int i = 0; i < m; i++) {
                r[k][j] += q[i][k] * a[i][j];
            }
            for (int i = 0; i < m; i++) {
                a[i][j] -= q[i][k] * r[k][j];
            }
        }
    }
}
