/* The largest value in every r x r window of an image, windows `stride` apart, channel by channel. */
void max_pool(int channels, int h, int w, int r, int stride, int out_h, int out_w,
              const float image[restrict channels][h][w], float out[restrict channels][out_h][out_w])
{
    for (int c = 0; c < channels; c++) {
        for (int y = 0; y < out_h; y++) {
            for (int x = 0; x < out_w; x++) {
                float largest = image[c][y * stride][x * stride];
                for (int dy = 0; dy < r; dy++) {
                    for (int dx = 0; dx < r; dx++) {
                        float value = image[c][y * stride + dy][x * stride + dx];
                        if (value > largest) {
                            largest = value;
                        }
                    }
                }
                out[c][y][x] = largest;
            }
        }
    }
}
