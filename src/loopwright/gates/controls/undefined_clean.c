/* Unsigned arithmetic wraps and shifts as it may, in a parallel loop. */
#include <stdio.h>
int main(int argc, char **argv)
{
    int n = 100 + (argv[argc] != NULL), small = 0;
    unsigned big = 4294967000u;
#pragma omp parallel for reduction(+ : big, small)
    for (int i = 0; i < n; i++) {
        big += 10u * (1u << (i % 32));
        small += i;
    }
    printf("%u %d\n", big, small);
    return 0;
}
