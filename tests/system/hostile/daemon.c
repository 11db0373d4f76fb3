/* Leaves a daemon behind (double fork, session of its own, nothing held open) that touches a file later. */
#include <fcntl.h>
#include <unistd.h>
int main(void)
{
    int ends[2];
    char byte;
    pipe(ends);
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            write(ends[1], "x", 1);
            for (int fd = 0; fd < 64; fd++)
                close(fd);
            sleep(2);
            open("alive", O_CREAT | O_WRONLY, 0600);
            for (;;)
                pause();
        }
        _exit(0);
    }
    read(ends[0], &byte, 1);
    return 0;
}
