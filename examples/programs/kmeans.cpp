// Data analysis: k-means of points in eight dimensions (Lloyd's iteration).
// Usage: kmeans POINTS CLUSTERS ITERATIONS
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

using std::vector;

const int DIM = 8;

static vector<double> make_points(int n, int clusters)
{
    vector<double> points(n * DIM);
    unsigned state = 7u;
    for (int i = 0; i < n; i++)
        for (int d = 0; d < DIM; d++) {
            double sum = 0.0;
            for (int k = 0; k < 4; k++) {
                state = state * 1664525u + 1013904223u;
                sum += (state >> 8) / 16777216.0;
            }
            points[i * DIM + d] = sum + 3.0 * std::sin(1.0 + (i % clusters) * (d + 1));
        }
    return points;
}

static int nearest(const double *point, const vector<double> &centres, int k)
{
    double best = std::numeric_limits<double>::max();
    int which = 0;
    for (int c = 0; c < k; c++) {
        double distance = 0.0;
        for (int d = 0; d < DIM; d++) {
            double difference = point[d] - centres[c * DIM + d];
            distance += difference * difference;
        }
        if (distance < best) {
            best = distance;
            which = c;
        }
    }
    return which;
}

int main(int argc, char **argv)
{
    const int n = argc > 1 ? std::atoi(argv[1]) : 20000;
    const int k = argc > 2 ? std::atoi(argv[2]) : 16;
    const int iterations = argc > 3 ? std::atoi(argv[3]) : 10;
    vector<double> points = make_points(n, k);
    vector<double> centres(points.begin(), points.begin() + k * DIM), sums(k * DIM);
    vector<int> label(n, 0), count(k);
    int moved = 0;

    for (int iteration = 0; iteration < iterations; iteration++) {
        moved = 0;
        for (int i = 0; i < n; i++) {
            int c = nearest(&points[i * DIM], centres, k);
            if (c != label[i])
                moved++;
            label[i] = c;
        }
        for (int c = 0; c < k; c++)
            count[c] = 0;
        for (int j = 0; j < k * DIM; j++)
            sums[j] = 0.0;
        for (int i = 0; i < n; i++) {
            count[label[i]]++;
            for (int d = 0; d < DIM; d++)
                sums[label[i] * DIM + d] += points[i * DIM + d];
        }
        for (int c = 0; c < k; c++)
            for (int d = 0; d < DIM; d++)
                if (count[c] > 0)
                    centres[c * DIM + d] = sums[c * DIM + d] / count[c];
    }

    double inertia = 0.0;
    for (int i = 0; i < n; i++)
        for (int d = 0; d < DIM; d++) {
            double difference = points[i * DIM + d] - centres[label[i] * DIM + d];
            inertia += difference * difference;
        }
    std::printf("inertia %.12g\nmoved in the last iteration %d\n", inertia, moved);
    for (int c = 0; c < k; c += k / 4 + 1)
        std::printf("cluster %d holds %d, centre %.10f %.10f\n", c, count[c], centres[c * DIM], centres[c * DIM + 1]);
    return 0;
}
