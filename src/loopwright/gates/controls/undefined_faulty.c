/* Signed overflow. */
#include <stdio.h>
int main(int argc, char **argv)
{
    int n = 100 + (argv[argc] != NULL), big = 2147483000;
    for (int i = 0; i < n; i++)
        big += 10 * argc; /* planted */
    printf("%d\n", big);
    return 0;
}
