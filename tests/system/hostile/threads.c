/* threads N: N threads that sleep. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static void *rest(void *unused)
{
    for (;;)
        pause();
    return unused;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    for (int i = 0; i < atoi(argv[argc - 1]); i++)
        pthread_create(&thread, NULL, rest, NULL);
    rest(NULL);
}
