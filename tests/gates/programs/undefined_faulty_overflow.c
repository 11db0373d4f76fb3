/* A signed sum overflows. */
#include <stdio.h>
#include <stdlib.h>
volatile int step = 9;
int main(void)
{
    enum { n = 600 };
    int sum = 2147483000;
    for (int i = 0; i < n; i++)
        sum += step; /* fault */
    printf("%d\n", sum);
    return 0;
}
