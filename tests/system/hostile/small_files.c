/* small_files FOLDER: writes small files there without end. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char name[256];
    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "%s/f%d", argv[argc - 1], i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        if (fd < 0)
            return 3;
        write(fd, "x", 1);
        close(fd);
    }
}
