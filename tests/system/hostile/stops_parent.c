/* Stops all that watches it, then burns CPU. */
#include <signal.h>
#include <unistd.h>
int main(void)
{
    kill(getppid(), SIGSTOP);
    for (;;)
        ;
}
