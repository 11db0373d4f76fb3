/* LAPACK's own interface: matrices by columns, every argument by address. */
extern void dpotrf_(const char *part, const int *n, double *a, const int *stride, int *info);

/* A = L L^T. The lower triangle by rows is the upper one by columns. */
void cholesky(int n, double a[restrict n][n])
{
    int info;
    dpotrf_("U", &n, &a[0][0], &n, &info);
}
