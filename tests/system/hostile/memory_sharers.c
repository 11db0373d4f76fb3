/* Four children touch 40 MB each: only together are they over 100 MB. */
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            volatile char *block = malloc(40 << 20); /* volatile: else the compiler leaves it all out */
            for (size_t at = 0; at < 40 << 20; at += 4096)
                block[at] = 1;
            for (;;)
                pause();
        }
    for (;;)
        pause();
}
