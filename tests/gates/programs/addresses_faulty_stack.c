/* Reads one element before an array on the stack. */
#include <stdio.h>
#include <stdlib.h>
volatile int shift = 1;
int main(void)
{
    enum { n = 600 };
    int a[n], sum = 0;
    for (int i = 0; i < n; i++)
        a[i] = i;
    for (int i = 0; i < n; i++)
        sum += a[i - shift]; /* fault */
    printf("%d\n", sum);
    return 0;
}
