/* One step of Lloyd's algorithm: `nearest` gets the nearest of k centres for each of n points in d
 * dimensions (the first of equals), `moved` the mean of the points of each centre. A centre without points
 * stays where it is. */
void k_means_step(int n, int d, int k, const double point[restrict n][d], const double centre[restrict k][d],
                  int nearest[restrict n], int count[restrict k], double moved[restrict k][d])
{
    for (int c = 0; c < k; c++) {
        count[c] = 0;
        for (int x = 0; x < d; x++) {
            moved[c][x] = 0.0;
        }
    }
    for (int i = 0; i < n; i++) {
        double shortest = 0.0;
        int found = -1;
        for (int c = 0; c < k; c++) {
            double distance = 0.0;
            for (int x = 0; x < d; x++) {
                double difference = point[i][x] - centre[c][x];
                distance += difference * difference;
            }
            if (found < 0 || distance < shortest) {
                shortest = distance;
                found = c;
            }
        }
        nearest[i] = found;
        count[found]++;
        for (int x = 0; x < d; x++) {
            moved[found][x] += point[i][x];
        }
    }
    for (int c = 0; c < k; c++) {
        for (int x = 0; x < d; x++) {
            moved[c][x] = count[c] > 0 ? moved[c][x] / count[c] : centre[c][x];
        }
    }
}
