/* spin_children N MS: N children burn MS milliseconds of CPU each; the parent waits for them. */
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int n = atoi(argv[1]);
    double seconds = atof(argv[2]) / 1000;
    for (int i = 0; i < n; i++)
        if (fork() == 0) {
            while ((double)clock() / CLOCKS_PER_SEC < seconds)
                ;
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    return argc != 3;
}
