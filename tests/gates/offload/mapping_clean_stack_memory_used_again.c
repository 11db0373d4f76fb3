#include <stdio.h>
#include <stdlib.h>

/* What the device leaves unwritten in one function's array is no business of the next function's. */
static int first(int n)
{
    int work[64];
    for (int i = 0; i < n; i++)
        work[i] = i;
#pragma omp target map(to : work)
    for (int i = 0; i < 64; i++)
        work[i] = -i;
    return n;
}

static int second(int n)
{
    char text[256];
    int sum = 0;
    snprintf(text, sizeof text, "%0200d", n);
    for (int i = 0; i < 200; i++)
        sum += text[i];
    return sum;
}

int main(void)
{
    int sum = 0;
    for (int i = 1; i < 4; i++)
        sum += first(16 * i) + second(i);
    printf("%d\n", sum);
    return 0;
}
