/* y = A x for a sparse matrix: row i has the entries row_start[i] to row_start[i + 1] - 1. */
void spmv_csr(int rows, const int *restrict row_start, const int *restrict column,
              const double *restrict value, const double *restrict x, double *restrict y)
{
    for (int i = 0; i < rows; i++) {
        double sum = 0.0;
        for (int e = row_start[i]; e < row_start[i + 1]; e++) {
            sum += value[e] * x[column[e]];
        }
        y[i] = sum;
    }
}
