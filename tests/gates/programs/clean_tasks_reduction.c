/* Sums over tasks: each task adds to a copy that the runtime gives it. */
#include <stdio.h>
int main(void)
{
    int sum = 0;
    double total = 0.0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp taskgroup task_reduction(+ : sum)
        for (int i = 0; i < 200; i++) {
#pragma omp task in_reduction(+ : sum) firstprivate(i)
            sum += i;
        }
#pragma omp taskloop reduction(+ : total) grainsize(7)
        for (int i = 0; i < 400; i++)
            total += i;
    }
    printf("%d %g\n", sum, total);
    return 0;
}
