/* Closes its output, ignores every signal it may, and sleeps. */
#include <signal.h>
#include <unistd.h>
int main(void)
{
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_IGN);
    close(0);
    close(1);
    close(2);
    for (;;)
        pause();
}
