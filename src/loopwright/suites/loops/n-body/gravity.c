#include <math.h>

/* The acceleration of every body by the gravity of all, softened at short distance (G = 1). */
void gravity(int n, double softening, const double *restrict x, const double *restrict y,
             const double *restrict z, const double *restrict mass, double *restrict ax,
             double *restrict ay, double *restrict az)
{
    for (int i = 0; i < n; i++) {
        double sx = 0.0, sy = 0.0, sz = 0.0;
        for (int j = 0; j < n; j++) {
            double dx = x[j] - x[i], dy = y[j] - y[i], dz = z[j] - z[i];
            double r2 = dx * dx + dy * dy + dz * dz + softening * softening;
            double pull = mass[j] / (r2 * sqrt(r2));
            sx += pull * dx;
            sy += pull * dy;
            sz += pull * dz;
        }
        ax[i] = sx;
        ay[i] = sy;
        az[i] = sz;
    }
}
