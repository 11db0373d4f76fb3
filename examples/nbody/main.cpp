// nbody N STEPS: N bodies in a cold ball. Prints the energy before and after, then every tenth of the
// bodies with its position.
#include "nbody.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>

namespace {

// Reproducible numbers in [0, 1), the same on every machine (Numerical Recipes' 64-bit LCG constants).
class Uniform {
public:
    double operator()()
    {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<double>(state_ >> 11) / 9007199254740992.0;
    }

private:
    std::uint64_t state_ = 20260101;
};

std::vector<Body> cold_ball(int n)
{
    Uniform uniform;
    std::vector<Body> bodies;
    bodies.reserve(n);
    while (static_cast<int>(bodies.size()) < n) {
        const double x = 2.0 * uniform() - 1.0;
        const double y = 2.0 * uniform() - 1.0;
        const double z = 2.0 * uniform() - 1.0;
        if (x * x + y * y + z * z <= 1.0) {
            bodies.push_back(Body{x, y, z, 0.1 * y, -0.1 * x, 0.0, (0.5 + uniform()) / n});
        }
    }
    return bodies;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3 || std::atoi(argv[1]) < 1 || std::atoi(argv[2]) < 0) {
        std::cerr << "usage: " << argv[0] << " N STEPS\n";
        return 2;
    }
    const int n = std::atoi(argv[1]);
    std::vector<Body> bodies = cold_ball(n);
    std::cout << std::setprecision(12) << "energy " << energy(bodies) << '\n';
    evolve(bodies, std::atoi(argv[2]), 1e-3);
    std::cout << "energy " << energy(bodies) << '\n';
    for (int i = 0; i < n; i += 10) {
        std::cout << i << ' ' << bodies[i].x << ' ' << bodies[i].y << ' ' << bodies[i].z << '\n';
    }
    return 0;
}
