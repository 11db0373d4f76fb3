/* Kills its parent, lives on for a moment and ends with status 5. */
#include <signal.h>
#include <unistd.h>
int main(void)
{
    kill(getppid(), SIGKILL);
    usleep(50000);
    write(1, "still here\n", 11);
    return 5;
}
