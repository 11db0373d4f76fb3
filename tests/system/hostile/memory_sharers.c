/* Four children touch 40 MB each: only together are they over 100 MB. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            memset(malloc(40 << 20), 1, 40 << 20);
            for (;;)
                pause();
        }
    for (;;)
        pause();
}
