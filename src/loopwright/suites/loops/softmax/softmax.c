#include <math.h>

/* The softmax of every row: exp(x) over the sum of exp(x) of the row, with the largest x taken off first,
 * so that nothing overflows. */
void softmax(int rows, int columns, const double x[restrict rows][columns],
             double y[restrict rows][columns])
{
    for (int i = 0; i < rows; i++) {
        double largest = x[i][0];
        for (int j = 1; j < columns; j++) {
            if (x[i][j] > largest) {
                largest = x[i][j];
            }
        }
        double sum = 0.0;
        for (int j = 0; j < columns; j++) {
            y[i][j] = exp(x[i][j] - largest);
            sum += y[i][j];
        }
        for (int j = 0; j < columns; j++) {
            y[i][j] /= sum;
        }
    }
}
