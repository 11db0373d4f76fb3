/* Robust location and scale: means weighed again and again, every round two passes of sums and a maximum. */
#include "reduction.h"

#include <math.h>

struct fit robust_fit(int n, int rounds, const double *restrict sample, double *restrict weight)
{
    double centre = 0.0;
    double width = 1.0;
    double farthest = 0.0;
    for (int round = 0; round < rounds; round++) {
        double sum = 0.0;
        double total = 0.0;
        double largest = 0.0;
        for (int i = 0; i < n; i++) {
            double d = (sample[i] - centre) / width;
            double w = 1.0 / (1.0 + d * d);
            weight[i] = w;
            total += w;
            sum += w * sample[i];
            largest = fmax(largest, fabs(d));
        }
        centre = sum / total;
        double square = 0.0;
        for (int i = 0; i < n; i++) {
            double d = sample[i] - centre;
            square += weight[i] * d * d;
        }
        width = sqrt(square / total) + 1e-6;
        farthest = largest;
    }
    struct fit fit = {centre, width, farthest};
    return fit;
}
