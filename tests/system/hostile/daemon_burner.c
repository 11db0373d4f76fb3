/* A daemon (double fork, session of its own) burns 300 ms of CPU; the program ends when it has ended. */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
int main(void)
{
    int ends[2];
    char byte;
    pipe(ends);
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            close(ends[0]);
            while ((double)clock() / CLOCKS_PER_SEC < 0.3)
                ;
            _exit(0);
        }
        _exit(0);
    }
    close(ends[1]);
    read(ends[0], &byte, 1);
    usleep(50000);
    return 0;
}
