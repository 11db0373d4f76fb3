/* printer FD: prints without end. */
#include <stdlib.h>
#include <unistd.h>
static char block[1 << 16];
int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = 'a' + i % 26;
    for (;;)
        write(atoi(argv[argc - 1]), block, sizeof block);
}
