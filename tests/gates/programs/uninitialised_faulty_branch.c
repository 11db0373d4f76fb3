/* A variable that one branch does not set. */
#include <stdio.h>
#include <stdlib.h>
volatile int choice = 1;
int main(void)
{
    enum { n = 600 };
    int limit;
    if (choice > 1)
        limit = 3;
    while (limit-- > n) /* fault */
        puts("more");
    return 0;
}
