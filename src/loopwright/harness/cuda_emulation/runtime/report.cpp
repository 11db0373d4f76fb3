// Findings on standard error, with the source lines that the debug information of the executable names.
#include <csignal>
#include <cstdio>
#include <execinfo.h>
#include <link.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"

namespace loopwright_cuda {
namespace {

constexpr int kFound = 71;
constexpr size_t kMostSites = 32;
bool found_something;
uintptr_t base;
char executable[4096];
char alternative_stack[256 << 10];

int note_base(dl_phdr_info *info, size_t, void *into) {
    *static_cast<uintptr_t *>(into) = info->dlpi_addr;
    return 1;
}

// What the symbolizer says of `sites`, one after another; empty without one.
size_t symbolized(const uintptr_t *sites, size_t count, char *text, size_t room) {
    const char *symbolizer = getenv("LOOPWRIGHT_CUDA_SYMBOLIZER");
    text[0] = '\0';
    if (!symbolizer || !*symbolizer || !count) return 0;
    char numbers[kMostSites][24];
    const char *arguments[kMostSites + 8] = {symbolizer, "-a", "-f", "-C", "-i", "-e", executable};
    size_t n = 7;
    // A return address lies behind the call.
    for (size_t i = 0; i < count && i < kMostSites; i++) {
        snprintf(numbers[i], sizeof numbers[i], "0x%lx", static_cast<unsigned long>(sites[i] - base - 1));
        arguments[n++] = numbers[i];
    }
    arguments[n] = nullptr;
    int ends[2];
    if (pipe(ends)) return 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    pid_t child;
    int failed = posix_spawn(&child, symbolizer, &actions, nullptr, const_cast<char **>(arguments), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t size = 0;
    if (!failed) {
        ssize_t got;
        while (size + 1 < room && (got = read(ends[0], text + size, room - 1 - size)) > 0) size += size_t(got);
        waitpid(child, nullptr, 0);
    }
    close(ends[0]);
    text[size] = '\0';
    return size;
}

// addr2line prints 0xADDRESS, then function and file:line by turns, the innermost first.
void print_places(const uintptr_t *sites, size_t count) {
    static char text[64 << 10];
    if (!symbolized(sites, count, text, sizeof text)) {
        for (size_t i = 0; i < count; i++) fprintf(stderr, "  place %zu:\n    #0 0x%lx\n", i, static_cast<unsigned long>(sites[i] - base));
        return;
    }
    int place = 0, frame = 0;
    const char *function = nullptr;
    for (char *line = strtok(text, "\n"); line; line = strtok(nullptr, "\n")) {
        if (!strncmp(line, "0x", 2) && !function) {
            fprintf(stderr, "  place %d:\n", place++);
            frame = 0;
        } else if (!function) {
            function = line;
        } else {
            fprintf(stderr, "    #%d %s %s\n", frame++, function, line);
            function = nullptr;
        }
    }
}

void on_fault(int number, siginfo_t *info, void *) {
    signal(number, SIG_DFL);
    uintptr_t address = uintptr_t(info->si_addr);
    bool device = is_device(address);
    if (!device && !machine.in_kernel) return;  // the program's own affair: it happens again, and ends it
    void *frames[kMostSites];
    int count = backtrace(frames, kMostSites);
    uintptr_t sites[kMostSites];
    for (int i = 0; i < count; i++) sites[i] = uintptr_t(frames[i]);
    char object[200], text[400];
    if (!device && on_a_stack(address))
        fatal_sites("refused", "a thread needs more local memory than the 256 KiB that are emulated", sites, size_t(count));
    snprintf(text, sizeof text, "%s%s touches %s", machine.in_kernel ? "kernel " : "host code", machine.in_kernel ? machine.kernel : "",
             what_is(address, 1, object, sizeof object));
    fatal_sites("fault", text, sites, size_t(count));
}

__attribute__((constructor(200))) void start() {
    start_reports();
    start_memory();
    const char *races = getenv("LOOPWRIGHT_CUDA_RACES");
    machine.watches_races = !races || strcmp(races, "0");
    const char *seed = getenv("LOOPWRIGHT_CUDA_SEED");
    if (!seed) seed = getenv("OMP_NUM_THREADS");
    machine.seed = (seed ? strtoull(seed, nullptr, 10) : 1) * 0x9e3779b97f4a7c15ull + 1;
    machine.next_serial = 1;
}

__attribute__((destructor(200))) void end() {
    if (!found_something) return;
    fflush(nullptr);
    _exit(kFound);
}

}  // namespace

void start_reports() {
    dl_iterate_phdr(note_base, &base);
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (length > 0) executable[length] = '\0';
    void *frames[4];
    backtrace(frames, 4);  // loads what it needs now, not in a signal handler
    stack_t stack{};
    stack.ss_sp = alternative_stack;
    stack.ss_size = sizeof alternative_stack;
    sigaltstack(&stack, nullptr);
    struct sigaction action{};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
}

uintptr_t executable_base() { return base; }

void finding(const char *kind, const char *text, const uintptr_t *sites, size_t count) {
    fflush(stdout);
    found_something = true;
    fprintf(stderr, "==================\nloopwright-cuda: %s: %s\n", kind, text);
    print_places(sites, count);
    if (machine.in_kernel) fprintf(stderr, "  kernel %s, launch %llu\n", machine.kernel, static_cast<unsigned long long>(machine.launches));
    fprintf(stderr, "==================\n");
}

void fatal_sites(const char *kind, const char *text, const uintptr_t *sites, size_t count) {
    finding(kind, text, sites, count);
    fflush(nullptr);
    _exit(kFound);
}

void fatal(const char *kind, const char *text, uintptr_t pc) {
    uintptr_t sites[kMostSites];
    fatal_sites(kind, text, sites, stack_from(pc, sites, kMostSites));
}

bool same_line(uintptr_t a, uintptr_t b) {
    static char first[16 << 10], second[16 << 10];
    static uintptr_t same_a, same_b, other_a, other_b;
    if (a == same_a && b == same_b) return true;
    if ((a == other_a && b == other_b) || (a == other_b && b == other_a)) return false;
    size_t one = symbolized(&a, 1, first, sizeof first), two = symbolized(&b, 1, second, sizeof second);
    // Without line numbers nothing is known: the compiler may have copied the code of one barrier.
    if (!one || !two) return true;
    const char *from = strchr(first, '\n'), *to = strchr(second, '\n');
    if (!from || !to || strcmp(from, to)) {
        other_a = a;
        other_b = b;
        return false;
    }
    same_a = a;
    same_b = b;
    return true;
}

size_t stack_from(uintptr_t pc, uintptr_t *sites, size_t room) {
    void *frames[kMostSites];
    int count = backtrace(frames, kMostSites);
    size_t size = 0;
    for (int i = 0; i < count && size < room; i++)
        if (size || uintptr_t(frames[i]) == pc) sites[size++] = uintptr_t(frames[i]);
    if (!size) sites[size++] = pc;
    return size;
}

}  // namespace loopwright_cuda
