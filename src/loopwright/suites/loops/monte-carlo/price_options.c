#include <math.h>
#include <stdint.h>

/* Random bits of a path and step, from their numbers alone. */
static uint64_t scrambled(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Prices of Asian call options, one for each strike, and the standard error of each. A path takes `steps`
 * steps of log-normal growth from 1; the sum of twelve uniform numbers stands for a normal one. */
void price_options(int paths, int steps, int strikes, double drift, double volatility,
                   const double *restrict strike, double *restrict price, double *restrict error)
{
    for (int s = 0; s < strikes; s++) {
        price[s] = 0.0;
        error[s] = 0.0;
    }
    for (int p = 0; p < paths; p++) {
        double growth = 0.0, mean = 0.0;
        for (int t = 0; t < steps; t++) {
            double normal = -6.0;
            for (int d = 0; d < 12; d++) {
                uint64_t number = ((uint64_t)p * steps + t) * 12 + d + 1;
                normal += (double)(scrambled(number * 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53;
            }
            growth += drift + volatility * normal;
            mean += exp(growth);
        }
        mean /= steps;
        for (int s = 0; s < strikes; s++) {
            double payoff = mean > strike[s] ? mean - strike[s] : 0.0;
            price[s] += payoff;
            error[s] += payoff * payoff;
        }
    }
    for (int s = 0; s < strikes; s++) {
        price[s] /= paths;
        error[s] = sqrt((error[s] / paths - price[s] * price[s]) / paths);
    }
}
