/* A shift by the width of the type. */
#include <stdio.h>
#include <stdlib.h>
volatile int step = 1;
int main(void)
{
    enum { n = 600 };
    unsigned bits = 0;
    for (int i = 0; i < n; i++)
        bits |= 1u << (i * step); /* fault */
    printf("%u\n", bits);
    return 0;
}
