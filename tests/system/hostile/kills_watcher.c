/* Kills its parent and its grandparent, then wants to sleep and write a file. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    char path[64], name[64], state;
    int pid, grandparent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)getppid());
    FILE *file = fopen(path, "r");
    if (file != NULL)
        fscanf(file, "%d %63s %c %d", &pid, name, &state, &grandparent);
    kill(getppid(), SIGKILL);
    if (grandparent > 1) /* without a namespace only; inside one it is process 1, which is tried below */
        kill(grandparent, SIGKILL);
    if (getpid() < 10)
        kill(1, SIGKILL);
    sleep(1);
    close(open("alive", O_CREAT | O_WRONLY, 0600));
    return 0;
}
