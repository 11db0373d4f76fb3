// Machine learning: a two-layer perceptron learns a function of many variables by batch gradient descent.
// Usage: perceptron SAMPLES HIDDEN EPOCHS
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

template <typename T>
class Matrix {
public:
    Matrix(int rows, int columns) : rows_(rows), columns_(columns), data_(rows * columns, T(0)) {}
    T &operator()(int i, int j) { return data_[i * columns_ + j]; }
    const T &operator()(int i, int j) const { return data_[i * columns_ + j]; }
    int rows() const { return rows_; }
    int columns() const { return columns_; }

private:
    int rows_, columns_;
    std::vector<T> data_;
};

typedef Matrix<double> Mat;

static void fill(Mat &m, double scale, unsigned seed)
{
    for (int i = 0; i < m.rows(); ++i)
        for (int j = 0; j < m.columns(); ++j) {
            seed = seed * 1664525u + 1013904223u;
            m(i, j) = scale * ((seed >> 9) / 4194304.0 - 1.0);
        }
}

// hidden = tanh(input * weights)
static void forward(const Mat &input, const Mat &weights, Mat &hidden)
{
    for (int i = 0; i < input.rows(); ++i)
        for (int j = 0; j < weights.columns(); ++j) {
            double sum = 0.0;
            for (int k = 0; k < input.columns(); ++k)
                sum += input(i, k) * weights(k, j);
            hidden(i, j) = std::tanh(sum);
        }
}

// gradient = transposed input * delta
static void backward(const Mat &input, const Mat &delta, Mat &gradient)
{
    for (int k = 0; k < input.columns(); ++k)
        for (int j = 0; j < delta.columns(); ++j) {
            double sum = 0.0;
            for (int i = 0; i < input.rows(); ++i)
                sum += input(i, k) * delta(i, j);
            gradient(k, j) = sum;
        }
}

int main(int argc, char **argv)
{
    const int samples = argc > 1 ? std::atoi(argv[1]) : 400;
    const int width = argc > 2 ? std::atoi(argv[2]) : 128;
    const int epochs = argc > 3 ? std::atoi(argv[3]) : 5;
    const int features = 48;
    Mat x(samples, features), w(features, width), hidden(samples, width), delta(samples, width);
    Mat gradient(features, width);
    std::vector<double> target(samples), out(width), error(samples), out_gradient(width);
    double loss = 0.0;

    fill(x, 1.0, 1u);
    fill(w, 0.2, 2u);
    for (int j = 0; j < width; ++j)
        out[j] = 0.1 * ((j * 37 % 19) / 9.0 - 1.0);
    for (int i = 0; i < samples; ++i)
        target[i] = std::sin(3.0 * x(i, 0)) + x(i, 1) * x(i, 2);

    for (int epoch = 0; epoch < epochs; ++epoch) {
        forward(x, w, hidden);
        loss = 0.0;
        for (int i = 0; i < samples; ++i) {
            double y = 0.0;
            for (int j = 0; j < width; ++j)
                y += hidden(i, j) * out[j];
            error[i] = y - target[i];
            loss += error[i] * error[i];
        }
        for (int i = 0; i < samples; ++i)
            for (int j = 0; j < width; ++j)
                delta(i, j) = error[i] * out[j] * (1.0 - hidden(i, j) * hidden(i, j));
        backward(x, delta, gradient);
        for (int j = 0; j < width; ++j) {
            out_gradient[j] = 0.0;
            for (int i = 0; i < samples; ++i)
                out_gradient[j] += error[i] * hidden(i, j);
        }
        for (int k = 0; k < features; ++k)
            for (int j = 0; j < width; ++j)
                w(k, j) -= 0.05 / samples * gradient(k, j);
        for (int j = 0; j < width; ++j)
            out[j] -= 0.05 / samples * out_gradient[j];
    }
    std::printf("loss %.12g\n", loss / samples);
    std::printf("weights %.12g %.12g\n", w(0, 0), out[width / 2]);
    return 0;
}
