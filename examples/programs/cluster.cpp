// Astrophysics: a star cluster by direct summation, leapfrog, softened gravity.
// Usage: cluster STARS STEPS
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

struct Vec3 {
    double x, y, z;
};

struct Star {
    Vec3 position, velocity, acceleration;
    double mass;
};

class Random {
public:
    explicit Random(unsigned seed) : state(seed) {}
    double next()
    {
        state = state * 1103515245u + 12345u;
        return ((state >> 16) & 0x7fff) / 32768.0;
    }

private:
    unsigned state;
};

static std::vector<Star> plummer(int n, Random &random)
{
    std::vector<Star> stars(n);
    for (Star &star : stars) {
        double r = 1.0 / std::sqrt(std::pow(random.next() * 0.99 + 0.005, -2.0 / 3.0) - 1.0);
        double z = r * (2.0 * random.next() - 1.0), phi = 6.283185307179586 * random.next();
        double rho = std::sqrt(r * r - z * z);
        star.position = {rho * std::cos(phi), rho * std::sin(phi), z};
        star.velocity = {0.3 * (random.next() - 0.5), 0.3 * (random.next() - 0.5), 0.3 * (random.next() - 0.5)};
        star.mass = 1.0 / n;
    }
    return stars;
}

static void accelerate(std::vector<Star> &stars, double softening)
{
    const double eps2 = softening * softening;
    for (size_t i = 0; i < stars.size(); ++i) {
        Vec3 a = {0.0, 0.0, 0.0};
        for (size_t j = 0; j < stars.size(); ++j) {
            double dx = stars[j].position.x - stars[i].position.x;
            double dy = stars[j].position.y - stars[i].position.y;
            double dz = stars[j].position.z - stars[i].position.z;
            double r2 = dx * dx + dy * dy + dz * dz + eps2;
            double s = stars[j].mass / (r2 * std::sqrt(r2));
            a.x += s * dx;
            a.y += s * dy;
            a.z += s * dz;
        }
        stars[i].acceleration = a;
    }
}

static void kick(std::vector<Star> &stars, double dt)
{
    for (Star &star : stars) {
        star.velocity.x += dt * star.acceleration.x;
        star.velocity.y += dt * star.acceleration.y;
        star.velocity.z += dt * star.acceleration.z;
    }
}

static void drift(std::vector<Star> &stars, double dt)
{
    for (Star &star : stars) {
        star.position.x += dt * star.velocity.x;
        star.position.y += dt * star.velocity.y;
        star.position.z += dt * star.velocity.z;
    }
}

static double energy(const std::vector<Star> &stars, double softening)
{
    double total = 0.0;
    for (size_t i = 0; i < stars.size(); ++i) {
        const Star &a = stars[i];
        total += 0.5 * a.mass *
                 (a.velocity.x * a.velocity.x + a.velocity.y * a.velocity.y + a.velocity.z * a.velocity.z);
        for (size_t j = i + 1; j < stars.size(); ++j) {
            const Star &b = stars[j];
            double dx = a.position.x - b.position.x, dy = a.position.y - b.position.y,
                   dz = a.position.z - b.position.z;
            total -= a.mass * b.mass / std::sqrt(dx * dx + dy * dy + dz * dz + softening * softening);
        }
    }
    return total;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? std::atoi(argv[1]) : 800;
    int steps = argc > 2 ? std::atoi(argv[2]) : 20;
    const double dt = 0.005, softening = 0.02;
    Random random(42u);
    std::vector<Star> stars = plummer(n, random);
    const double before = energy(stars, softening);

    accelerate(stars, softening);
    for (int step = 0; step < steps; ++step) {
        kick(stars, 0.5 * dt);
        drift(stars, dt);
        accelerate(stars, softening);
        kick(stars, 0.5 * dt);
    }

    double radius = 0.0;
    for (const Star &star : stars)
        radius += std::sqrt(star.position.x * star.position.x + star.position.y * star.position.y +
                            star.position.z * star.position.z);
    std::printf("energy before %.10f after %.10f\n", before, energy(stars, softening));
    std::printf("mean radius %.10f\n", radius / n);
    std::printf("star 0 at %.10f %.10f %.10f\n", stars[0].position.x, stars[0].position.y, stars[0].position.z);
    return 0;
}
