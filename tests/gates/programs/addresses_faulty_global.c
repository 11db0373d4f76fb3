/* Reads past the end of a global array. */
#include <stdio.h>
#include <stdlib.h>
volatile int shift = 1;
int table[600];
int main(void)
{
    enum { n = 600 };
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += table[i + shift]; /* fault */
    printf("%d\n", sum);
    return 0;
}
