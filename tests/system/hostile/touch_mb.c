/* touch_mb N: touches N megabytes and ends. */
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    size_t size = (size_t)atoi(argv[1]) << 20;
    char *block = malloc(size);
    if (block == NULL)
        return 7;
    memset(block, argc, size);
    return block[size / 2] != argc;
}
