/* A convolution layer: every output channel is the sum over the input channels of each one correlated with
 * its own r x r window, plus a bias. Only windows inside the image count. */
void conv_2d(int in_channels, int out_channels, int h, int w, int r,
             const float image[restrict in_channels][h][w],
             const float window[restrict out_channels][in_channels][r][r],
             const float bias[restrict out_channels], float out[restrict out_channels][h - r + 1][w - r + 1])
{
    for (int o = 0; o < out_channels; o++) {
        for (int y = 0; y < h - r + 1; y++) {
            for (int x = 0; x < w - r + 1; x++) {
                float sum = bias[o];
                for (int c = 0; c < in_channels; c++) {
                    for (int dy = 0; dy < r; dy++) {
                        for (int dx = 0; dx < r; dx++) {
                            sum += image[c][y + dy][x + dx] * window[o][c][dy][dx];
                        }
                    }
                }
                out[o][y][x] = sum;
            }
        }
    }
}
