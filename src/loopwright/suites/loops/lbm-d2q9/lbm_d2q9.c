static const int direction_x[9] = {0, 1, 0, -1, 0, 1, -1, -1, 1};
static const int direction_y[9] = {0, 0, 1, 0, -1, 1, 1, -1, -1};
static const double weight[9] = {4.0 / 9,  1.0 / 9,  1.0 / 9,  1.0 / 9, 1.0 / 9,
                                 1.0 / 36, 1.0 / 36, 1.0 / 36, 1.0 / 36};

/* One step: every cell collects what streams in from its neighbours, then relaxes towards equilibrium. */
static void stream_and_collide(int h, int w, double omega, double f[restrict 9][h][w],
                               double g[restrict 9][h][w])
{
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            double in[9], density = 0.0, ux = 0.0, uy = 0.0;
            for (int q = 0; q < 9; q++) {
                int from_y = (y - direction_y[q] + h) % h;
                int from_x = (x - direction_x[q] + w) % w;
                in[q] = f[q][from_y][from_x];
                density += in[q];
                ux += direction_x[q] * in[q];
                uy += direction_y[q] * in[q];
            }
            ux /= density;
            uy /= density;
            for (int q = 0; q < 9; q++) {
                double along = 3.0 * (direction_x[q] * ux + direction_y[q] * uy);
                double equilibrium = weight[q] * density
                                     * (1.0 + along + 0.5 * along * along - 1.5 * (ux * ux + uy * uy));
                g[q][y][x] = in[q] + omega * (equilibrium - in[q]);
            }
        }
    }
}

/* The lattice Boltzmann method with nine directions and a single relaxation time (Bhatnagar, Gross and
 * Krook 1954) in a periodic box: pairs of steps, from f to g and back. */
void lbm_d2q9(int h, int w, int pairs, double omega, double f[restrict 9][h][w], double g[restrict 9][h][w])
{
    for (int t = 0; t < pairs; t++) {
        stream_and_collide(h, w, omega, f, g);
        stream_and_collide(h, w, omega, g, f);
    }
}
