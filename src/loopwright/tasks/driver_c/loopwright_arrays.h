/* Arrays between guard pages. Part of the driver that Loopwright writes around a kernel.
 *
 * Everything here is static and in the common subset of C99 and C++11: the driver of a C kernel is
 * compiled as C, that of a C++ kernel as C++. Linux, little-endian, 64 bits.
 *
 * Layout of one array:   | guard (no access) | slack  data  slack | guard (no access) |
 * Placement `end` puts the last byte of the data next to the upper guard, so that the first element
 * past the end faults; `start` puts the first byte next to the lower guard; `aligned` (for timing)
 * keeps 64-byte alignment, which an end-flush array has only when its size is a multiple of 64.
 * The slack is filled with a canary that is looked at after every call.
 */
#ifndef LOOPWRIGHT_ARRAYS_H
#define LOOPWRIGHT_ARRAYS_H

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* Exit statuses. Loopwright turns them, with the line on stderr, into a failure mode. */
enum {
    LW_EXIT_OUT_OF_BOUNDS = 81,
    LW_EXIT_INPUT_MODIFIED = 82,
    LW_EXIT_NO_MEMORY = 83,
    LW_EXIT_USAGE = 84,
    LW_EXIT_FILE = 85,
    LW_EXIT_LATE = 86,
    LW_EXIT_GUARD = 87,
    LW_EXIT_DEVICE = 88
};

typedef enum { LW_IN, LW_OUT, LW_INOUT } lw_role;
typedef enum { LW_F32, LW_F64, LW_I8, LW_I16, LW_I32, LW_I64, LW_U8, LW_U16, LW_U32, LW_U64 } lw_dtype;
typedef enum { LW_PLACE_ALIGNED, LW_PLACE_END, LW_PLACE_START } lw_placement;
typedef enum {
    LW_ZEROS,
    LW_CONSTANT,
    LW_UNIFORM,
    LW_NORMAL,
    LW_LINSPACE,
    LW_SORTED,
    LW_PERMUTATION,
    LW_INDEX,
    LW_CSR_ROWPTR,
    LW_FILE,
    LW_GENERATOR
} lw_init;

/* A number of the command line: `integer` is meaningful when it was written without a point. */
typedef struct {
    double real;
    int64_t integer;
} lw_number;

/* A generator of the task: fills `count` elements at `data`. */
typedef void (*lw_generator)(void *data, size_t count, uint64_t seed);

typedef struct {
    /* Written by Loopwright. */
    const char *name;
    lw_role role;
    lw_dtype dtype;
    size_t size; /* bytes of one element */
    unsigned position; /* among the arguments: selects the stream of random numbers */
    lw_init init;
    const char *option_names[2];
    lw_generator generator;
    /* Known at run time. */
    size_t count;
    lw_number options[2];
    const char *file;
    unsigned char *map; /* guards included */
    size_t map_bytes;
    unsigned char *pages; /* between the guards */
    size_t page_bytes;
    unsigned char *data;
    size_t bytes;
    unsigned char *pristine; /* what it is filled with before every call, where that is not made anew */
    unsigned char *kept; /* an output of the call that was drawn, when that may not be the last one */
    uint64_t digest; /* of an input without a copy that is not made anew, before the call */
} lw_array;

static lw_array *lw_table;
static size_t lw_table_length;

#define LW_CANARY 0xC5
#define LW_MADV_POPULATE_WRITE 23 /* in <linux/mman.h> of newer systems */

static void lw_die(int status, const char *what, const char *name, const char *detail)
{
    fprintf(stderr, "loopwright: %s: %s%s%s\n", what, name, detail[0] ? ": " : "", detail);
    fflush(stderr);
    _exit(status);
}

/* One line on stderr by async-signal-safe means only, then the end. `offset` counts bytes from the
 * first element. */
static void lw_report_access(int status, const lw_array *array, const char *access, int64_t offset)
{
    char line[512];
    size_t length = 0;
    const char *names[] = {" array=", " access=", " offset=", " bytes=", " size="};
    const int64_t numbers[] = {0, 0, offset, (int64_t)array->bytes, (int64_t)array->size};
    const char *start = status == LW_EXIT_OUT_OF_BOUNDS ? "loopwright: out-of-bounds"
                                                        : "loopwright: input-modified";
    int field;
    for (; *start; start++)
        line[length++] = *start;
    for (field = 0; field < 5; field++) {
        const char *text = names[field];
        char digits[24];
        size_t used = sizeof digits - 1;
        for (; *text; text++)
            line[length++] = *text;
        digits[used] = 0;
        if (field >= 2) {
            uint64_t rest = numbers[field] < 0 ? 0 - (uint64_t)numbers[field] : (uint64_t)numbers[field];
            do {
                digits[--used] = (char)('0' + rest % 10);
            } while ((rest /= 10) != 0);
            if (numbers[field] < 0)
                digits[--used] = '-';
        }
        text = field == 0 ? array->name : field == 1 ? access : digits + used;
        for (; *text && length < sizeof line - 64; text++)
            line[length++] = *text;
    }
    line[length++] = '\n';
    if (write(STDERR_FILENO, line, length) < 0)
        _exit(status);
    _exit(status);
}

/* Whether a fault was a read or a write, where the machine tells. */
static const char *lw_access_of(void *context)
{
#if defined(__x86_64__)
    const ucontext_t *user = (const ucontext_t *)context;
    return (user->uc_mcontext.gregs[REG_ERR] & 2) ? "write" : "read";
#elif defined(__aarch64__)
    /* The kernel stores the syndrome register ESR_EL1 in a record of this magic; bit 6 is "write". */
    const ucontext_t *user = (const ucontext_t *)context;
    const unsigned char *record = (const unsigned char *)user->uc_mcontext.__reserved;
    const unsigned char *end = record + sizeof user->uc_mcontext.__reserved;
    while (record + 16 <= end) {
        uint32_t magic, size;
        memcpy(&magic, record, 4);
        memcpy(&size, record + 4, 4);
        if (magic == 0x45535201u) {
            uint64_t syndrome;
            memcpy(&syndrome, record + 8, 8);
            return (syndrome & 64) ? "write" : "read";
        }
        if (size < 8)
            break;
        record += size;
    }
    return "access";
#else
    (void)context;
    return "access";
#endif
}

static struct sigaction lw_previous_action;

static void lw_on_fault(int number, siginfo_t *info, void *context)
{
    const unsigned char *address = (const unsigned char *)info->si_addr;
    size_t i;
    for (i = 0; i < lw_table_length; i++) {
        const lw_array *array = &lw_table[i];
        if (address >= array->map && address < array->map + array->map_bytes) {
            const int inside = address >= array->data && address < array->data + array->bytes;
            /* Inputs are read-only while outputs are checked: a fault inside one is a write. */
            lw_report_access(inside ? LW_EXIT_INPUT_MODIFIED : LW_EXIT_OUT_OF_BOUNDS, array,
                             inside ? "write" : lw_access_of(context), (int64_t)(address - array->data));
        }
    }
    /* Not ours: the access is repeated under the handler that was there before (a sanitizer's, or the
     * default, which ends the process with the signal). */
    sigaction(number, &lw_previous_action, NULL);
}

static void lw_watch_faults(void)
{
    static unsigned char stack_memory[64 * 1024];
    stack_t stack;
    struct sigaction action;
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = stack_memory;
    stack.ss_size = sizeof stack_memory;
    sigaltstack(&stack, NULL);
    memset(&action, 0, sizeof action);
    action.sa_sigaction = lw_on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &lw_previous_action);
}

static unsigned char *lw_map(size_t bytes, const char *name)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        lw_die(LW_EXIT_NO_MEMORY, "no memory for", name, strerror(errno));
    return (unsigned char *)memory;
}

/* Gets all memory of `pages` at once: page by page, as they are touched, it takes twice as long. Where the
 * system does not know how (Linux before 5.14) it is touched later, still before anything is timed. */
static void lw_populate(void *pages, size_t bytes)
{
    madvise(pages, bytes, LW_MADV_POPULATE_WRITE);
}

/* Memory for a copy of `bytes` that the kernel is not told about. */
static unsigned char *lw_map_copy(size_t bytes, const char *name)
{
    unsigned char *memory = lw_map(bytes ? bytes : 1, name);
    lw_populate(memory, bytes ? bytes : 1);
    return memory;
}

static size_t lw_round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static void lw_allocate(lw_array *array, lw_placement placement)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    /* As wide as the array, so that a whole row too far is seen; it costs addresses, not memory. */
    const size_t widest = (size_t)64 << 20, narrowest = (size_t)64 << 10;
    /* Arrays that all start at the same offset in a page would compete for the same cache sets. */
    const size_t stagger = placement == LW_PLACE_ALIGNED ? (array->position * 320u) % 4096u : 0;
    size_t guard;
    array->bytes = array->count * array->size;
    array->page_bytes = lw_round_up(array->bytes + stagger, page);
    if (array->page_bytes == 0)
        array->page_bytes = page;
    guard = array->page_bytes < narrowest ? narrowest : array->page_bytes > widest ? widest : array->page_bytes;
    guard = lw_round_up(guard, page);
    array->map_bytes = array->page_bytes + 2 * guard;
    array->map = lw_map(array->map_bytes, array->name);
    array->pages = array->map + guard;
    array->data = array->pages + (placement == LW_PLACE_END ? array->page_bytes - array->bytes : stagger);
    if (mprotect(array->map, guard, PROT_NONE) != 0 ||
        mprotect(array->pages + array->page_bytes, guard, PROT_NONE) != 0)
        lw_die(LW_EXIT_NO_MEMORY, "no guard pages for", array->name, strerror(errno));
    lw_populate(array->pages, array->page_bytes);
    memset(array->pages, LW_CANARY, (size_t)(array->data - array->pages));
    memset(array->data + array->bytes, LW_CANARY,
           (size_t)(array->pages + array->page_bytes - (array->data + array->bytes)));
}

/* Writes beside the data that no guard page could catch. */
static void lw_check_slack(const lw_array *array)
{
    const unsigned char *byte;
    for (byte = array->pages; byte < array->pages + array->page_bytes; byte++) {
        if (byte == array->data)
            byte += array->bytes;
        if (byte == array->pages + array->page_bytes)
            break;
        if (*byte != LW_CANARY)
            lw_report_access(LW_EXIT_OUT_OF_BOUNDS, array, "write", (int64_t)(byte - array->data));
    }
}

/* Signalling NaNs for floating point, 0xA5 bytes for integers: what is not written is seen. */
static void lw_poison(const lw_array *array)
{
    size_t i;
    if (array->dtype == LW_F64) {
        const uint64_t pattern = UINT64_C(0x7ff4deada5a5a5a5);
        for (i = 0; i < array->count; i++)
            memcpy(array->data + 8 * i, &pattern, 8);
    } else if (array->dtype == LW_F32) {
        const uint32_t pattern = UINT32_C(0x7fa5a5a5);
        for (i = 0; i < array->count; i++)
            memcpy(array->data + 4 * i, &pattern, 4);
    } else {
        memset(array->data, 0xA5, array->bytes);
    }
}

#endif
