/* A sum that is not set to zero. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    int sum;
    for (int i = 0; i < n; i++)
        sum += i;
    if (sum > 1000) /* fault */
        puts("many");
    return 0;
}
