/* Image analysis: a synthetic micrograph, Gaussian blur, Sobel gradient, histogram, threshold after Otsu.
   Usage: edges WIDTH HEIGHT FRAMES */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define RADIUS 5
#define BINS 256

static void draw(unsigned char *image, int width, int height, int frame)
{
    int x, y;
    unsigned state = 2463534242u + 977u * (unsigned)frame;
    for (y = 0; y < height; y++)
        for (x = 0; x < width; x++) {
            double cells = sin(0.11 * x + frame) * cos(0.07 * y) + 0.5 * sin(0.003 * x * y / (frame + 1.0));
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            image[y * width + x] = (unsigned char)(110.0 + 60.0 * cells + (state & 31u));
        }
}

static void blur_rows(const float *in, float *out, int width, int height, const float *kernel)
{
    int x, y, k;
    for (y = 0; y < height; y++)
        for (x = RADIUS; x < width - RADIUS; x++) {
            float sum = 0.0f;
            for (k = -RADIUS; k <= RADIUS; k++)
                sum += kernel[k + RADIUS] * in[y * width + x + k];
            out[y * width + x] = sum;
        }
}

static void blur_columns(const float *in, float *out, int width, int height, const float *kernel)
{
    int x, y, k;
    for (y = RADIUS; y < height - RADIUS; y++)
        for (x = 0; x < width; x++) {
            float sum = 0.0f;
            for (k = -RADIUS; k <= RADIUS; k++)
                sum += kernel[k + RADIUS] * in[(y + k) * width + x];
            out[y * width + x] = sum;
        }
}

static void gradient(const float *in, float *out, int width, int height)
{
    int x, y;
    for (y = 1; y < height - 1; y++)
        for (x = 1; x < width - 1; x++) {
            const float *above = in + (y - 1) * width, *here = in + y * width, *below = in + (y + 1) * width;
            float gx = above[x + 1] + 2 * here[x + 1] + below[x + 1] - above[x - 1] - 2 * here[x - 1] - below[x - 1];
            float gy = below[x - 1] + 2 * below[x] + below[x + 1] - above[x - 1] - 2 * above[x] - above[x + 1];
            out[y * width + x] = sqrtf(gx * gx + gy * gy);
        }
}

static int otsu(const long *histogram, long count)
{
    double sum = 0, below = 0, weight = 0, best = -1;
    int t, threshold = 0;
    for (t = 0; t < BINS; t++)
        sum += (double)t * histogram[t];
    for (t = 0; t < BINS; t++) {
        double mean, other, between;
        weight += histogram[t];
        below += (double)t * histogram[t];
        if (weight == 0 || weight == count)
            continue;
        mean = below / weight;
        other = (sum - below) / (count - weight);
        between = weight * (count - weight) * (mean - other) * (mean - other);
        if (between > best) {
            best = between;
            threshold = t;
        }
    }
    return threshold;
}

int main(int argc, char **argv)
{
    int width = argc > 1 ? atoi(argv[1]) : 640, height = argc > 2 ? atoi(argv[2]) : 480;
    int frames = argc > 3 ? atoi(argv[3]) : 3, frame, i, k, size = width * height;
    float kernel[2 * RADIUS + 1], norm = 0.0f;
    unsigned char *image = malloc(size);
    float *a = calloc(size, sizeof(float)), *b = calloc(size, sizeof(float)), *edge = calloc(size, sizeof(float));
    long *histogram = malloc(BINS * sizeof(long));

    if (!image || !a || !b || !edge || !histogram)
        return 1;
    for (k = -RADIUS; k <= RADIUS; k++)
        norm += kernel[k + RADIUS] = expf(-k * k / 8.0f);
    for (k = 0; k < 2 * RADIUS + 1; k++)
        kernel[k] /= norm;
    for (frame = 0; frame < frames; frame++) {
        long strong = 0;
        double energy = 0.0;
        int threshold;
        draw(image, width, height, frame);
        for (i = 0; i < size; i++)
            a[i] = image[i];
        blur_rows(a, b, width, height, kernel);
        blur_columns(b, a, width, height, kernel);
        gradient(a, edge, width, height);
        for (k = 0; k < BINS; k++)
            histogram[k] = 0;
        for (i = 0; i < size; i++) {
            int bin = (int)edge[i];
            histogram[bin < BINS ? bin : BINS - 1]++;
        }
        threshold = otsu(histogram, size);
        for (i = 0; i < size; i++)
            if (edge[i] > threshold) {
                strong++;
                energy += edge[i];
            }
        printf("frame %d threshold %d strong %ld energy %.8g\n", frame, threshold, strong, energy);
    }
    return 0;
}
