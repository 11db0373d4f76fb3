/* The sum is kept in a type that is wide enough. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    long long sum = 2147483000;
    for (int i = 0; i < n; i++)
        sum += 9;
    printf("%lld\n", sum);
    return 0;
}
