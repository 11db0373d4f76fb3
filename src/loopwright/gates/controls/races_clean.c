/* What OpenMP allows, with the synchronisation that it needs: none of it is a race. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int count, turns, hits;
int main(void)
{
    enum { n = 2000, bins = 8 };
    double *a = calloc(n + 1, sizeof *a), *b = calloc(n + 1, sizeof *b), sum = 0.0, last = 0.0;
    long histogram[bins] = {0};
    int chain = 0, left = 0, right = 0, shared_value = 0;
    omp_lock_t lock;
    omp_init_lock(&lock);
#pragma omp parallel
    {
#pragma omp for
        for (int i = 0; i < n; i++)
            a[i] = i;
#pragma omp for schedule(dynamic, 7) reduction(+ : sum) reduction(+ : histogram[:bins])
        for (int i = 0; i < n; i++) {
            sum += a[n - 1 - i];
            histogram[i % bins]++;
        }
#pragma omp for schedule(static) nowait
        for (int i = 0; i < n; i++)
            a[i] += 1.0;
#pragma omp for schedule(static)
        for (int i = 0; i < n; i++)
            b[i] = 2.0 * a[i];
#pragma omp single
        shared_value = 3;
#pragma omp barrier
#pragma omp atomic
        count += shared_value;
#pragma omp critical
        turns++;
        omp_set_lock(&lock);
        hits++;
        omp_unset_lock(&lock);
#pragma omp barrier
#pragma omp master
        left = hits + turns;
#pragma omp sections
        {
#pragma omp section
            right = 1;
#pragma omp section
            chain = 1;
        }
#pragma omp single
        {
            for (int step = 0; step < 4; step++) {
#pragma omp task depend(inout : chain)
                chain = chain * 2 + 1;
            }
            for (int first = 0; first < n; first += 20) {
#pragma omp task firstprivate(first)
                for (int i = first; i < first + 20; i++)
                    a[i] += 1.0;
            }
#pragma omp taskwait
            printf("%d\n", chain);
        }
#pragma omp for ordered schedule(dynamic)
        for (int i = 0; i < 40; i++) {
#pragma omp ordered
            last += b[i];
        }
    }
#pragma omp parallel for collapse(2) lastprivate(shared_value)
    for (int i = 0; i < 20; i++)
        for (int j = 0; j < 100; j++) {
            a[i * 100 + j] = i + j;
            shared_value = i * j;
        }
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < n / 40; i++)
        memcpy(b + 40 * i, a + 40 * i, 40 * sizeof *a);
    printf("%d %d %d %d %d %d %g %g %ld\n", count, turns, hits, left, right, shared_value, sum, last, histogram[3]);
    omp_destroy_lock(&lock);
    free(a);
    free(b);
    return 0;
}
