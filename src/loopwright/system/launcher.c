/* Starts one program inside the sandbox, watches its process tree and tells what became of it.
 *
 *   launcher report=FD control=FD [limit=NUMBER ...] [cpus=0,1] env=COUNT -- ENV... PROGRAM ARGUMENT...
 *
 * Three processes: this one (the watcher: reaps, counts, limits, reports), a guard, and the program as the
 * child of the guard. The guard is what a program kills that kills its parent; the watcher then inherits the
 * program, because it is the subreaper (or, under bubblewrap, process 1, which nothing inside can kill).
 * Watcher and guard are not dumpable, so that the program can neither trace them nor open their descriptors,
 * and the program inherits no descriptor but 0, 1 and 2: the report cannot be forged.
 *
 * The report, in lines: "started PID" just before the program starts; then one of
 *   "failed ERRNO"   it could not be executed
 *   "ended exit=N signal=N wall_ns=N user_us=N system_us=N peak_bytes=N left=N limit=WORD"
 * Closing the other end of `control` makes the watcher kill everything, report and exit.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef long long i64;
#define MILLISECOND 1000000LL

/* What the children tell the watcher; the mapping does not survive the program's exec. */
struct shared {
    volatile i64 started_ns, ended_ns;
    volatile pid_t pid;
    volatile int error;
};

struct process {
    pid_t pid, parent;
    int ours, alive;
    i64 ticks, threads, rss_pages;
};

static struct {
    i64 report, control, cpu_ms, memory, processes, address_space, file_size, nproc, quiet, env;
    const char *cpus;
} options = {.report = -1, .control = -1};

static struct shared *shared;
static pid_t guard;
static struct process *table;
static size_t table_size, table_room;

static i64 user_us, system_us, peak_kib;
static int main_status, main_done;

static i64 clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (i64)t.tv_sec * 1000000000 + t.tv_nsec;
}

static i64 now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static void limit(int which, i64 soft, i64 hard)
{
    struct rlimit old, wanted;
    if (soft < 0 || getrlimit(which, &old) != 0)
        return;
    wanted.rlim_max = (rlim_t)hard < old.rlim_max ? (rlim_t)hard : old.rlim_max;
    wanted.rlim_cur = (rlim_t)soft < wanted.rlim_max ? (rlim_t)soft : wanted.rlim_max;
    setrlimit(which, &wanted);
}

static int use_processors(const char *list)
{
    cpu_set_t *set = CPU_ALLOC(CPU_SETSIZE * 16);
    size_t size = CPU_ALLOC_SIZE(CPU_SETSIZE * 16);
    if (set == NULL)
        return -1;
    CPU_ZERO_S(size, set);
    while (isdigit((unsigned char)*list)) {
        char *end;
        CPU_SET_S(strtoul(list, &end, 10), size, set);
        list = *end == ',' ? end + 1 : end;
    }
    return sched_setaffinity(0, size, set);
}

/* Executes the program, searched for in its own PATH; returns an errno when that failed. Not execvp, which hands
 * whatever is no program to a shell.
 */
static int execute(char **environment, char **arguments)
{
    const char *folders = NULL;
    char path[PATH_MAX];
    int error = ENOENT;
    for (char **variable = environment; *variable != NULL; variable++)
        if (strncmp(*variable, "PATH=", 5) == 0)
            folders = *variable + 5;
    shared->started_ns = now_ns();
    if (strchr(arguments[0], '/') != NULL) {
        execve(arguments[0], arguments, environment);
        return errno;
    }
    while (folders != NULL) {
        size_t length = strcspn(folders, ":");
        if (snprintf(path, sizeof path, "%.*s/%s", (int)length, folders, arguments[0]) < (int)sizeof path) {
            execve(path, arguments, environment);
            if (errno != ENOENT && errno != ENOTDIR)
                error = errno;
        }
        folders = folders[length] == ':' ? folders + length + 1 : NULL;
    }
    return error;
}

/* Runs in the child that becomes the program; returns only when exec failed. */
static void start(char **environment, char **arguments)
{
    sigset_t none;
    struct sigaction plain = {.sa_handler = SIG_DFL};
    shared->pid = getpid();
    setsid();
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_FSIZE, options.file_size, options.file_size);
    limit(RLIMIT_AS, options.address_space, options.address_space);
    limit(RLIMIT_NPROC, options.nproc, options.nproc);
    if (options.cpu_ms >= 0) /* only a second line: the watcher adds up the whole tree */
        limit(RLIMIT_CPU, options.cpu_ms / 1000 + 2, options.cpu_ms / 1000 + 3);
    if (options.cpus != NULL && use_processors(options.cpus) != 0) {
        shared->error = errno;
        return;
    }
    if (syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) != 0)
        for (int fd = 3; fd < 4096; fd++)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    dprintf((int)options.report, "started %d\n", (int)getpid());
    for (int s = 1; s < NSIG; s++)
        sigaction(s, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    shared->error = execute(environment, arguments);
}

/* The guard: parent of the program. It leaves the dead program unreaped, for the watcher to account for. */
static void watch_over(pid_t watcher, char **environment, char **arguments)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != watcher)
        _exit(0);
    pid_t program = fork();
    if (program == 0) {
        start(environment, arguments);
        _exit(127);
    }
    if (program < 0) {
        shared->error = errno;
        _exit(127);
    }
    siginfo_t info;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    close((int)options.report);
    close((int)options.control);
    while (waitid(P_PID, (id_t)program, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    shared->ended_ns = now_ns();
    _exit(0);
}

static void reap(void)
{
    struct rusage used;
    int status;
    pid_t pid;
    while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0) {
        if (pid == guard) {
            guard = 0;
            continue;
        }
        user_us += (i64)used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec;
        system_us += (i64)used.ru_stime.tv_sec * 1000000 + used.ru_stime.tv_usec;
        if (used.ru_maxrss > peak_kib)
            peak_kib = used.ru_maxrss;
        if (pid == shared->pid) {
            main_status = status;
            main_done = 1;
            if (shared->ended_ns == 0)
                shared->ended_ns = now_ns();
        }
    }
}

/* Whether this is process 1 of a namespace of its own, where every other process belongs to the program. */
static int alone(void)
{
    return getpid() == 1;
}

static int has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

static int read_process(const char *name, struct process *p)
{
    char path[64], text[1024], *rest, state;
    unsigned long flags, utime, stime;
    long cutime, cstime, threads, rss;
    int parent, fd;
    ssize_t n;
    snprintf(path, sizeof path, "/proc/%.20s/stat", name);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return 0;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = 0;
    if ((rest = strrchr(text, ')')) == NULL) /* a program may be called "a) R 1" */
        return 0;
    if (sscanf(rest + 1, " %c %d %*d %*d %*d %*d %lu %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld %*d %*u %*u %ld",
               &state, &parent, &flags, &utime, &stime, &cutime, &cstime, &threads, &rss) != 9)
        return 0;
    p->pid = (pid_t)atoi(name);
    p->parent = parent;
    p->ticks = (i64)(utime + stime) + cutime + cstime;
    p->threads = threads > 0 ? threads : 1;
    p->rss_pages = rss;
    p->alive = state != 'Z' && state != 'X' && !(flags & 4 /* PF_EXITING */);
    return 1;
}

static int by_pid(const void *a, const void *b)
{
    return ((const struct process *)a)->pid - ((const struct process *)b)->pid;
}

static int is_ours(pid_t pid)
{
    struct process key = {.pid = pid}, *found;
    if (pid == getpid())
        return 1;
    found = bsearch(&key, table, table_size, sizeof *table, by_pid);
    return found != NULL && found->ours;
}

/* Fills `table` with the processes that descend from the watcher; the guard and the watcher are left out.
 * In a namespace of its own it stops soon after `enough` of them: among the thousands of a fork bomb the turn of
 * this process comes rarely, and each file read costs one. -1: all of them.
 */
static void list_processes(i64 enough)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    int changed = 1;
    table_size = 0;
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL && (enough < 0 || !alone() || (i64)table_size <= enough + 2)) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (table_size == table_room) {
            size_t room = table_room ? 2 * table_room : 256;
            struct process *more = realloc(table, room * sizeof *table);
            if (more == NULL)
                break;
            table = more;
            table_room = room;
        }
        struct process *p = &table[table_size];
        memset(p, 0, sizeof *p);
        if (read_process(entry->d_name, p) && p->pid != getpid())
            table_size++;
    }
    closedir(folder);
    qsort(table, table_size, sizeof *table, by_pid);
    for (size_t i = 0; i < table_size; i++)
        table[i].ours = alone();
    while (changed) {
        changed = 0;
        for (size_t i = 0; i < table_size; i++)
            if (!table[i].ours && is_ours(table[i].parent))
                table[i].ours = changed = 1;
    }
    size_t kept = 0;
    for (size_t i = 0; i < table_size; i++)
        if (table[i].ours && table[i].pid != guard)
            table[kept++] = table[i];
    table_size = kept;
}

/* The name of the limit that the tree is over, or NULL. `crowded`: it is more than half way to one. */
static const char *over_limit(int *crowded)
{
    static i64 page, per_second;
    i64 ticks = 0, threads = 0, pages = 0;
    if (page == 0) {
        page = sysconf(_SC_PAGESIZE);
        per_second = sysconf(_SC_CLK_TCK);
    }
    list_processes(options.processes);
    for (size_t i = 0; i < table_size; i++) {
        ticks += table[i].ticks;
        threads += table[i].threads;
        pages += table[i].rss_pages;
    }
    *crowded = options.memory >= 0 && pages * page > options.memory / 2;
    if (options.processes >= 0 && threads > options.processes)
        return "processes";
    if (options.memory >= 0 && pages * page > options.memory)
        return "memory";
    if (options.cpu_ms >= 0 && ticks * 1000 / per_second + (user_us + system_us) / 1000 > options.cpu_ms)
        return "cpu";
    return NULL;
}

static void kill_all(void)
{
    const struct timespec pause = {.tv_nsec = MILLISECOND};
    for (;;) {
        if (alone()) {
            kill(-1, SIGKILL); /* atomic: no fork slips through */
        } else {
            if (shared->pid > 0 && !main_done)
                kill(-shared->pid, SIGKILL);
            if (guard > 0)
                kill(guard, SIGKILL);
            list_processes(-1);
            for (size_t i = 0; i < table_size; i++)
                kill(table[i].pid, SIGKILL);
        }
        for (int turn = 0; turn < 20; turn++) {
            reap();
            if (!has_children())
                return;
            nanosleep(&pause, NULL);
        }
    }
}

static void report(const char *reason, i64 left)
{
    int exited = main_done && WIFEXITED(main_status);
    i64 wall = (shared->ended_ns ? shared->ended_ns : now_ns()) - shared->started_ns;
    if (shared->error != 0) {
        dprintf((int)options.report, "failed %d\n", shared->error);
        return;
    }
    dprintf((int)options.report,
            "ended exit=%d signal=%d wall_ns=%lld user_us=%lld system_us=%lld peak_bytes=%lld left=%lld limit=%s\n",
            exited ? WEXITSTATUS(main_status) : -1,
            main_done && WIFSIGNALED(main_status) ? WTERMSIG(main_status) : 0,
            shared->started_ns ? wall : 0, user_us, system_us, peak_kib * 1024, left, reason ? reason : "none");
}

/* Waits until the program ends, a limit is passed or `control` is closed. */
static const char *watch(int signals)
{
    struct pollfd events[2] = {{.fd = signals, .events = POLLIN}, {.fd = (int)options.control, .events = POLLIN}};
    const int limited = options.cpu_ms >= 0 || options.memory >= 0 || options.processes >= 0;
    i64 interval = (options.quiet ? 250 : 10) * MILLISECOND;
    i64 next = now_ns() + interval;
    for (;;) {
        i64 wait = next - now_ns();
        int ready = poll(events, 2, !limited ? -1 : wait <= 0 ? 0 : (int)(wait / MILLISECOND + 1));
        if (ready > 0 && events[1].revents)
            return "stopped";
        if (ready > 0 && events[0].revents) {
            struct signalfd_siginfo seen[16];
            if (read(signals, seen, sizeof seen) < 0 && errno != EAGAIN)
                return "stopped";
            reap();
            if (main_done || (shared->error && !has_children()))
                return NULL;
        }
        if (limited && now_ns() >= next) {
            int crowded;
            i64 before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
            const char *reason = over_limit(&crowded);
            if (reason != NULL)
                return reason;
            if (!options.quiet && interval < 100 * MILLISECOND)
                interval += interval / 4;
            /* On a machine with thousands of processes looking is dear: at most 2 % of one processor. */
            i64 pause = 50 * (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - before);
            i64 least = crowded && interval > 20 * MILLISECOND ? 20 * MILLISECOND : interval;
            pause = pause < 250 * MILLISECOND ? pause : 250 * MILLISECOND;
            next = now_ns() + (pause > least ? pause : least);
        }
    }
}

static int read_options(int argc, char **argv)
{
    static const struct { const char *name; i64 *value; } known[] = {
        {"report", &options.report}, {"control", &options.control}, {"cpu_ms", &options.cpu_ms},
        {"memory", &options.memory}, {"processes", &options.processes}, {"nproc", &options.nproc},
        {"address_space", &options.address_space}, {"file_size", &options.file_size},
        {"quiet", &options.quiet}, {"env", &options.env},
    };
    options.cpu_ms = options.memory = options.processes = options.nproc = -1;
    options.address_space = options.file_size = -1;
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        if (equals == NULL)
            break;
        *equals = 0;
        if (strcmp(argv[i], "cpus") == 0)
            options.cpus = equals + 1;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (strcmp(argv[i], known[k].name) == 0)
                *known[k].value = atoll(equals + 1);
    }
    fprintf(stderr, "launcher: wrong options\n");
    _exit(2);
}

int main(int argc, char **argv)
{
    int first = read_options(argc, argv);
    if (options.env < 0 || first + options.env >= argc)
        return 2;
    char **environment = calloc((size_t)options.env + 1, sizeof *environment);
    if (environment == NULL)
        return 2;
    memcpy(environment, argv + first, (size_t)options.env * sizeof *environment);

    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fcntl((int)options.report, F_SETFD, FD_CLOEXEC);
    fcntl((int)options.control, F_SETFD, FD_CLOEXEC);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 2;
    sigset_t all, child;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);

    pid_t watcher = getpid();
    guard = fork();
    if (guard == 0)
        watch_over(watcher, environment, argv + first + options.env);
    if (guard < 0 || signals < 0) {
        dprintf((int)options.report, "failed %d\n", errno);
        return 1;
    }
    for (int fd = 0; fd < 3; fd++) /* so that the ends of the pipes are the program's alone */
        close(fd);
    const char *reason = watch(signals);
    i64 left = 0;
    if (main_done && has_children()) {
        list_processes(-1);
        for (size_t i = 0; i < table_size; i++)
            left += table[i].alive;
    }
    kill_all();
    report(reason, left);
    return 0;
}
