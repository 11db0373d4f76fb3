#include <math.h>

/* Deriche's recursive smoothing filter (Deriche 1990): along every row one pass to the right and one to the
 * left, added; then the same down and up every column. `y1` and `y2` hold the two passes. */
void deriche(int h, int w, float alpha, const float image[restrict h][w], float out[restrict h][w],
             float y1[restrict h][w], float y2[restrict h][w])
{
    float decay = expf(-alpha);
    float k = (1.0f - decay) * (1.0f - decay) / (1.0f + 2.0f * alpha * decay - decay * decay);
    float a1 = k, a2 = k * decay * (alpha - 1.0f);
    float a3 = k * decay * (alpha + 1.0f), a4 = -k * decay * decay;
    float b1 = 2.0f * decay, b2 = -decay * decay;
    for (int i = 0; i < h; i++) {
        float x1 = 0.0f, before = 0.0f, before2 = 0.0f;
        for (int j = 0; j < w; j++) {
            y1[i][j] = a1 * image[i][j] + a2 * x1 + b1 * before + b2 * before2;
            x1 = image[i][j];
            before2 = before;
            before = y1[i][j];
        }
    }
    for (int i = 0; i < h; i++) {
        float x1 = 0.0f, x2 = 0.0f, after = 0.0f, after2 = 0.0f;
        for (int j = w - 1; j >= 0; j--) {
            y2[i][j] = a3 * x1 + a4 * x2 + b1 * after + b2 * after2;
            x2 = x1;
            x1 = image[i][j];
            after2 = after;
            after = y2[i][j];
        }
    }
    for (int i = 0; i < h; i++) {
        for (int j = 0; j < w; j++) {
            out[i][j] = y1[i][j] + y2[i][j];
        }
    }
    for (int j = 0; j < w; j++) {
        float x1 = 0.0f, before = 0.0f, before2 = 0.0f;
        for (int i = 0; i < h; i++) {
            y1[i][j] = a1 * out[i][j] + a2 * x1 + b1 * before + b2 * before2;
            x1 = out[i][j];
            before2 = before;
            before = y1[i][j];
        }
    }
    for (int j = 0; j < w; j++) {
        float x1 = 0.0f, x2 = 0.0f, after = 0.0f, after2 = 0.0f;
        for (int i = h - 1; i >= 0; i--) {
            y2[i][j] = a3 * x1 + a4 * x2 + b1 * after + b2 * after2;
            x2 = x1;
            x1 = out[i][j];
            after2 = after;
            after = y2[i][j];
        }
    }
    for (int i = 0; i < h; i++) {
        for (int j = 0; j < w; j++) {
            out[i][j] = y1[i][j] + y2[i][j];
        }
    }
}
