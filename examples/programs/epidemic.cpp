// Epidemiology: many stochastic SEIR outbreaks, each with its own random numbers, and their statistics.
// Usage: epidemic OUTBREAKS DAYS
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

struct Rates {
    double contact, incubation, recovery;
};

struct Outcome {
    int infected, peak, day_of_peak;
};

// A counter-based generator: a hash of (stream, position), so that every outbreak is reproducible.
static double uniform(uint64_t stream, uint64_t position)
{
    uint64_t z = stream * 0x9e3779b97f4a7c15ull + position * 0xd1b54a32d192ed03ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * (1.0 / 9007199254740992.0);
}

// How many of n people does it happen to, each with probability p?
static int happens(int n, double p, uint64_t stream, uint64_t position)
{
    int count = 0;
    for (int i = 0; i < n; ++i)
        if (uniform(stream, position + static_cast<uint64_t>(i)) < p)
            ++count;
    return count;
}

static int outbreak(const Rates &rates, int people, int days, int number, int *peak, int *day_of_peak)
{
    int susceptible = people - 1, exposed = 0, infectious = 1, recovered = 0;
    int most = 1, when = 0;
    uint64_t position = 0;
    for (int day = 0; day < days; ++day) {
        double p_contact = 1.0 - std::exp(-rates.contact * infectious / people);
        int caught = happens(susceptible, p_contact, number, position);
        int ill = happens(exposed, rates.incubation, number, position + 1000000);
        int healed = happens(infectious, rates.recovery, number, position + 2000000);
        susceptible -= caught;
        exposed += caught - ill;
        infectious += ill - healed;
        recovered += healed;
        if (infectious > most) {
            most = infectious;
            when = day;
        }
        position += 3000000;
    }
    *peak = most;
    *day_of_peak = when;
    return people - susceptible;
}

int main(int argc, char **argv)
{
    const int outbreaks = argc > 1 ? std::atoi(argv[1]) : 500;
    const int days = argc > 2 ? std::atoi(argv[2]) : 120;
    const int people = 400;
    const Rates rates{0.45, 0.2, 0.14};
    std::vector<Outcome> outcomes(outbreaks);

    for (int number = 0; number < outbreaks; ++number) {
        int peak, day_of_peak;
        outcomes[number].infected = outbreak(rates, people, days, number, &peak, &day_of_peak);
        outcomes[number].peak = peak;
        outcomes[number].day_of_peak = day_of_peak;
    }

    double mean = 0.0, square = 0.0;
    long peaks = 0, days_sum = 0;
    int died_out = 0;
    for (const Outcome &outcome : outcomes) {
        mean += outcome.infected;
        square += static_cast<double>(outcome.infected) * outcome.infected;
        peaks += outcome.peak;
        days_sum += outcome.day_of_peak;
        if (outcome.infected < people / 10)
            ++died_out;
    }
    mean /= outbreaks;
    std::printf("mean size %.10g\n", mean);
    std::printf("deviation %.10g\n", std::sqrt(square / outbreaks - mean * mean));
    std::printf("mean peak %.10g on day %.10g\n", double(peaks) / outbreaks, double(days_sum) / outbreaks);
    std::printf("died out %d of %d\n", died_out, outbreaks);
    return 0;
}
