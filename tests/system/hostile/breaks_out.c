/* Tries to get privileges back through namespaces of its own. Only values that are there already are written. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
static int rewrite(const char *path)
{
    char value[256];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, value, sizeof value);
    close(fd);
    fd = open(path, O_WRONLY);
    return fd >= 0 && n > 0 && write(fd, value, n) == n;
}
int main(void)
{
    int broken = rewrite("/proc/sys/kernel/core_pattern");
    mkdir("/tmp/proc", 0700);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) == 0 && fork() == 0) {
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
        mount(NULL, "/proc", NULL, MS_REMOUNT | MS_BIND, NULL);
        broken += rewrite("/proc/sys/kernel/core_pattern");
        if (mount("proc", "/tmp/proc", "proc", 0, NULL) == 0)
            broken += rewrite("/tmp/proc/sys/kernel/core_pattern");
        mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL);
        broken += access("/usr", W_OK) == 0;
        _exit(broken);
    }
    int status = 0;
    if (wait(&status) > 0)
        broken += WEXITSTATUS(status);
    printf("broken %d\n", broken);
    return broken;
}
