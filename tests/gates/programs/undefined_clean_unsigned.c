/* Unsigned arithmetic wraps by definition. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    unsigned hash = 2166136261u;
    for (int i = 0; i < n; i++)
        hash = (hash ^ (unsigned)i) * 16777619u;
    printf("%u\n", hash);
    return 0;
}
