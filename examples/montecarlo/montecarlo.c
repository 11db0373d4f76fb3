/* An integral by Monte Carlo: the mean of exp(-(x^2 + y^2)) over the unit
 * square. Sample i depends on the seed and i alone (a counter-based generator), so that the samples can
 * be drawn in any order. */
#include <math.h>
#include <stdint.h>

/* A uniform number in [0, 1) from a counter: two rounds of xor, shift and multiply. */
static inline double uniform(uint64_t counter)
{
    uint64_t z = counter * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    z = (z ^ (z >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    z = z ^ (z >> 32);
    return (double)(z >> 11) / 9007199254740992.0;
}

double montecarlo(int64_t samples, uint64_t seed)
{
    double sum = 0.0;
    for (int64_t i = 0; i < samples; i++) {
        double x = uniform(seed + 2 * (uint64_t)i + 1);
        double y = uniform(seed + 2 * (uint64_t)i + 2);
        sum += exp(-(x * x + y * y));
    }
    return sum / (double)samples;
}
