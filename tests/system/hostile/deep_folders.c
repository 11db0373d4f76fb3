/* deep_folders N: folders N levels deep below the working folder, the last one closed to everybody. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    for (int i = 0; i < atoi(argv[argc - 1]); i++)
        if (mkdir("d", 0700) != 0 || chdir("d") != 0)
            return 3;
    mkdir("closed", 0700);
    mkdir("closed/inner", 0700);
    return chmod("closed", 0) != 0;
}
