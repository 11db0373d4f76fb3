/* An index beyond the bounds of an array of known size. */
#include <stdio.h>
#include <stdlib.h>
volatile int step = 1;
int main(void)
{
    enum { n = 600 };
    int row[4] = {1, 2, 3, 4}, more[4] = {0}, sum = 0;
    for (int i = 0; i < 4; i++)
        sum += row[i + step] + more[i]; /* fault */
    printf("%d\n", sum != n);
    return 0;
}
