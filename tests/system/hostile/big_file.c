/* big_file PATH: one file that grows without end. */
#include <fcntl.h>
#include <unistd.h>
static char block[1 << 20];
int main(int argc, char **argv)
{
    int fd = open(argv[argc - 1], O_CREAT | O_WRONLY, 0600);
    if (fd < 0)
        return 3;
    for (;;)
        if (write(fd, block, sizeof block) < 0)
            return 9;
}
