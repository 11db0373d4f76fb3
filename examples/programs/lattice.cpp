// Lattice Boltzmann D2Q9: flow past a cylinder in a channel, one relaxation time.
// Usage: lattice NX NY STEPS
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace {

const int Q = 9;
const int cx[Q] = {0, 1, 0, -1, 0, 1, -1, -1, 1};
const int cy[Q] = {0, 0, 1, 0, -1, 1, 1, -1, -1};
const int opposite[Q] = {0, 3, 4, 1, 2, 7, 8, 5, 6};
const double weight[Q] = {4.0 / 9, 1.0 / 9, 1.0 / 9, 1.0 / 9, 1.0 / 9,
                          1.0 / 36, 1.0 / 36, 1.0 / 36, 1.0 / 36};

class Lattice {
public:
    Lattice(int nx, int ny, double omega, double inflow)
        : nx_(nx), ny_(ny), omega_(omega), inflow_(inflow), f_(static_cast<size_t>(nx) * ny * Q),
          moved_(f_.size()), solid_(static_cast<size_t>(nx) * ny)
    {
        for (int y = 0; y < ny_; ++y)
            for (int x = 0; x < nx_; ++x) {
                double dx = x - nx_ / 5.0, dy = y - ny_ / 2.0 - 0.5, radius = ny_ / 9.0;
                solid_[y * nx_ + x] = dx * dx + dy * dy < radius * radius;
                for (int q = 0; q < Q; ++q)
                    f_[(y * nx_ + x) * Q + q] = equilibrium(q, 1.0, inflow_, 0.0);
            }
    }

    void step()
    {
        collide();
        stream();
        std::swap(f_, moved_);
    }

    double mass() const
    {
        double sum = 0.0;
        for (double value : f_)
            sum += value;
        return sum;
    }

    double enstrophy() const
    {
        double sum = 0.0;
        for (int y = 1; y < ny_ - 1; ++y)
            for (int x = 1; x < nx_ - 1; ++x) {
                double curl = velocity(x + 1, y, cy) - velocity(x - 1, y, cy) - velocity(x, y + 1, cx) +
                              velocity(x, y - 1, cx);
                sum += curl * curl;
            }
        return sum;
    }

private:
    static double equilibrium(int q, double rho, double ux, double uy)
    {
        double cu = 3.0 * (cx[q] * ux + cy[q] * uy);
        return weight[q] * rho * (1.0 + cu + 0.5 * cu * cu - 1.5 * (ux * ux + uy * uy));
    }

    double velocity(int x, int y, const int *direction) const
    {
        double rho = 0.0, momentum = 0.0;
        for (int q = 0; q < Q; ++q) {
            rho += f_[(y * nx_ + x) * Q + q];
            momentum += direction[q] * f_[(y * nx_ + x) * Q + q];
        }
        return momentum / rho;
    }

    void collide()
    {
        for (int y = 0; y < ny_; ++y) {
            for (int x = 0; x < nx_; ++x) {
                const int cell = (y * nx_ + x) * Q;
                double rho = 0.0, ux = 0.0, uy = 0.0;
                for (int q = 0; q < Q; ++q) {
                    rho += f_[cell + q];
                    ux += cx[q] * f_[cell + q];
                    uy += cy[q] * f_[cell + q];
                }
                ux /= rho;
                uy /= rho;
                if (x == 0) {
                    ux = inflow_;
                    uy = 0.0;
                }
                for (int q = 0; q < Q; ++q)
                    f_[cell + q] += omega_ * (equilibrium(q, rho, ux, uy) - f_[cell + q]);
            }
        }
    }

    void stream()
    {
        for (int y = 0; y < ny_; ++y) {
            for (int x = 0; x < nx_; ++x) {
                for (int q = 0; q < Q; ++q) {
                    int from_x = (x - cx[q] + nx_) % nx_;
                    int from_y = (y - cy[q] + ny_) % ny_;
                    if (solid_[from_y * nx_ + from_x])
                        moved_[(y * nx_ + x) * Q + q] = f_[(y * nx_ + x) * Q + opposite[q]];
                    else
                        moved_[(y * nx_ + x) * Q + q] = f_[(from_y * nx_ + from_x) * Q + q];
                }
            }
        }
    }

    int nx_, ny_;
    double omega_, inflow_;
    std::vector<double> f_, moved_;
    std::vector<char> solid_;
};

} // namespace

int main(int argc, char **argv)
{
    const int nx = argc > 1 ? std::atoi(argv[1]) : 200;
    const int ny = argc > 2 ? std::atoi(argv[2]) : 80;
    const int steps = argc > 3 ? std::atoi(argv[3]) : 100;
    Lattice lattice(nx, ny, 1.7, 0.08);
    for (int t = 0; t < steps; ++t)
        lattice.step();
    std::printf("mass %.10f\nenstrophy %.10g\n", lattice.mass(), lattice.enstrophy());
    return 0;
}
