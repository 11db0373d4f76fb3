/* Takes and touches memory without end. */
#include <stdlib.h>
#include <string.h>
int main(void)
{
    for (;;) {
        char *block = malloc(1 << 22);
        if (block == NULL)
            return 7;
        memset(block, 1, 1 << 22);
    }
}
