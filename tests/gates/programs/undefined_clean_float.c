/* Floating-point division by zero and overflow have results. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    enum { n = 600 };
    double zero = n - 600.0, huge = 1e308;
    printf("%d %d\n", 1.0 / zero > 0.0, huge * 10.0 > huge);
    return 0;
}
