// Finance: American put options by Crank-Nicolson finite differences, a whole surface of strikes and maturities.
// Usage: options STRIKES MATURITIES TIME_STEPS
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

struct Market {
    double spot, rate, volatility;
};

constexpr int POINTS = 256;

static double american_put(const Market &market, double strike, double maturity, int steps)
{
    double value[POINTS], payoff[POINTS], diagonal[POINTS], right[POINTS];
    const double top = 4.0 * strike, ds = top / (POINTS - 1), dt = maturity / steps;

    for (int i = 0; i < POINTS; ++i) {
        payoff[i] = std::max(strike - i * ds, 0.0);
        value[i] = payoff[i];
    }
    for (int t = 0; t < steps; ++t) {
        diagonal[0] = 1.0;
        right[0] = strike;
        for (int i = 1; i < POINTS - 1; ++i) {
            double s2 = market.volatility * market.volatility * i * i, drift = market.rate * i;
            double a = 0.25 * dt * (s2 - drift), b = -0.5 * dt * (s2 + market.rate), c = 0.25 * dt * (s2 + drift);
            double known = a * value[i - 1] + (1.0 + b) * value[i] + c * value[i + 1];
            double s2_before = market.volatility * market.volatility * (i - 1) * (i - 1);
            double c_before = i > 1 ? 0.25 * dt * (s2_before + market.rate * (i - 1)) : 0.0;
            double factor = -a / diagonal[i - 1];
            diagonal[i] = 1.0 - b + factor * c_before;
            right[i] = known - factor * right[i - 1];
        }
        value[POINTS - 1] = 0.0;
        for (int i = POINTS - 2; i > 0; --i) {
            double s2 = market.volatility * market.volatility * i * i;
            double c = 0.25 * dt * (s2 + market.rate * i);
            value[i] = std::max((right[i] + c * value[i + 1]) / diagonal[i], payoff[i]);
        }
        value[0] = strike;
    }
    const int below = std::min(static_cast<int>(market.spot / ds), POINTS - 2);
    const double share = market.spot / ds - below;
    return (1.0 - share) * value[below] + share * value[below + 1];
}

int main(int argc, char **argv)
{
    const int strikes = argc > 1 ? std::atoi(argv[1]) : 12;
    const int maturities = argc > 2 ? std::atoi(argv[2]) : 8;
    const int steps = argc > 3 ? std::atoi(argv[3]) : 300;
    const Market market{100.0, 0.04, 0.25};
    std::vector<double> strike(strikes), maturity(maturities), price(strikes * maturities);

    for (int k = 0; k < strikes; ++k)
        strike[k] = 70.0 + 60.0 * k / strikes;
    for (int m = 0; m < maturities; ++m)
        maturity[m] = 0.25 * (m + 1);

    for (int k = 0; k < strikes; ++k)
        for (int m = 0; m < maturities; ++m)
            price[k * maturities + m] = american_put(market, strike[k], maturity[m], steps);

    double sum = 0.0;
    for (double p : price)
        sum += p;
    std::printf("sum %.12g\n", sum);
    for (int k = 0; k < strikes; k += strikes / 4 + 1)
        std::printf("strike %.4f first %.12g last %.12g\n", strike[k], price[k * maturities],
                    price[(k + 1) * maturities - 1]);
    return 0;
}
