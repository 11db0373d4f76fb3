/* Tries to write its own report: through every descriptor it has, and through those of its watchers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>
static const char lie[] = "ended exit=0 signal=0 wall_ns=1 user_us=1 system_us=1 peak_bytes=1 left=0 limit=none\n";
int main(void)
{
    char path[64];
    int reached = 0;
    for (int fd = 3; fd < 1024; fd++)
        reached += write(fd, lie, sizeof lie - 1) > 0;
    for (int pid = 1; pid < 5; pid++) {
        if (pid == getpid())
            continue;
        for (int fd = 0; fd < 64; fd++) {
            snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
            int opened = open(path, O_WRONLY);
            reached += opened >= 0 && write(opened, lie, sizeof lie - 1) > 0;
        }
        reached += ptrace(PTRACE_ATTACH, pid, 0, 0) == 0;
    }
    printf("reached %d\n", reached);
    fflush(stdout);
    usleep(100000);
    return 4;
}
