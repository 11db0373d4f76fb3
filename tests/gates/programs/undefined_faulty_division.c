/* A division of integers by zero. */
#include <stdio.h>
#include <stdlib.h>
volatile int step = 1;
int main(void)
{
    enum { n = 600 };
    int sum = n;
    printf("%d\n", sum / (step - 1)); /* fault */
    return 0;
}
