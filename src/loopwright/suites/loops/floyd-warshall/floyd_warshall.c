/* Shortest paths between all pairs of n points, by allowing one more point to pass through at a time
 * (Floyd 1962). d holds the lengths of the direct ways, and in the end those of the shortest. */
void floyd_warshall(int n, double d[restrict n][n])
{
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                double detour = d[i][k] + d[k][j];
                if (detour < d[i][j]) {
                    d[i][j] = detour;
                }
            }
        }
    }
}
