/* Repetitions, the clock and the result file. Part of the driver that Loopwright writes around a kernel.
 *
 * Command line: --result=FILE --seed=S --repetitions=R --warmup=W --check=0|1 --placement=aligned|end|start,
 * then one NAME=VALUE for every scalar, NAME.count=ELEMENTS for every array and NAME.OPTION=VALUE for
 * every option of its initialiser.
 *
 * Result file: the line "LWRESULT 1", a line of JSON, the output arrays one after the other, and a
 * 64-bit digest of all that, little-endian.
 */
#ifndef LOOPWRIGHT_RUN_H
#define LOOPWRIGHT_RUN_H

#include "loopwright_arrays.h"
#include "loopwright_inputs.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>

typedef struct {
    const char *name;
    lw_number value;
} lw_scalar;

/* Calls the kernel once with the arrays and scalars of the tables. */
typedef void (*lw_caller)(void);

/* Nanoseconds on the monotonic clock, by a system call of our own where we know how to make one: a
 * kernel that brings its own clock_gettime does not change the time. */
static int64_t lw_clock_ns(void)
{
    struct timespec now;
#if defined(__x86_64__)
    long status;
    __asm__ volatile("syscall"
                     : "=a"(status)
                     : "a"((long)SYS_clock_gettime), "D"((long)CLOCK_MONOTONIC), "S"(&now)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long status __asm__("x0") = CLOCK_MONOTONIC;
    register void *where __asm__("x1") = &now;
    register long number __asm__("x8") = SYS_clock_gettime;
    __asm__ volatile("svc 0" : "+r"(status) : "r"(where), "r"(number) : "memory");
#else
    const int status = clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    if (status != 0)
        lw_die(LW_EXIT_USAGE, "no monotonic clock", "clock_gettime", "");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The control part of the floating-point unit: rounding, flushing of subnormals, trapped exceptions.
 * The sticky exception flags are left out, every computation may raise them. */
static uint64_t lw_fp_control(void)
{
#if defined(__x86_64__)
    uint32_t sse;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0" : "=m"(sse));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return ((uint64_t)x87 << 32) | (sse & ~UINT32_C(0x3f));
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
#else
    return 0;
#endif
}

static void lw_restore_fp_control(uint64_t control)
{
#if defined(__x86_64__)
    const uint32_t sse = (uint32_t)control;
    const uint16_t x87 = (uint16_t)(control >> 32);
    __asm__ volatile("ldmxcsr %0" : : "m"(sse));
    __asm__ volatile("fldcw %0" : : "m"(x87));
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
#else
    (void)control;
#endif
}

/* The text after "KEY=" on the command line; ends the program when there is none. */
static const char *lw_text(int argc, char **argv, const char *name, const char *option)
{
    char key[256];
    int i;
    const int length = snprintf(key, sizeof key, "%s%s%s=", name, option[0] ? "." : "", option);
    for (i = 1; i < argc && length < (int)sizeof key; i++)
        if (strncmp(argv[i], key, (size_t)length) == 0)
            return argv[i] + length;
    lw_die(LW_EXIT_USAGE, "missing on the command line", key, "");
    return NULL;
}

static lw_number lw_numeric(int argc, char **argv, const char *name, const char *option)
{
    const char *text = lw_text(argc, argv, name, option);
    char *end = NULL;
    lw_number number;
    errno = 0;
    if (strpbrk(text, ".pni") != NULL) { /* 0x1.8p+3, inf, nan */
        number.real = strtod(text, &end);
        number.integer = 0;
    } else {
        number = lw_whole(strtoll(text, &end, 10));
    }
    if (end == text || *end != 0 || errno == ERANGE)
        lw_die(LW_EXIT_USAGE, "not a number on the command line", name, text);
    return number;
}

static void lw_write_all(int file, const void *memory, size_t bytes)
{
    const char *at = (const char *)memory;
    while (bytes > 0) {
        const ssize_t done = write(file, at, bytes);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            lw_die(LW_EXIT_FILE, "cannot write", "result file", strerror(errno));
        at += done;
        bytes -= (size_t)done;
    }
}

/* Text that grows; the header of the result file. */
typedef struct {
    char *text;
    size_t length, room;
} lw_line;

__attribute__((format(printf, 2, 3))) static void lw_append(lw_line *line, const char *format, ...)
{
    va_list arguments;
    if (line->room - line->length < 512) {
        line->room = 2 * line->room + 1024;
        line->text = (char *)realloc(line->text, line->room);
        if (line->text == NULL)
            lw_die(LW_EXIT_NO_MEMORY, "no memory for", "result header", "");
    }
    va_start(arguments, format);
    line->length += (size_t)vsnprintf(line->text + line->length, 512, format, arguments);
    va_end(arguments);
}

typedef struct {
    int64_t *ns; /* of every timed repetition */
    uint64_t *digests; /* of all outputs, after every timed repetition */
    int repetitions;
    int fp_control_changed;
} lw_samples;

static void lw_write_result(const char *path, const char *kernel, const lw_samples *samples)
{
    lw_line line = {NULL, 0, 0};
    uint64_t digest;
    size_t i;
    int r;
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0)
        lw_die(LW_EXIT_FILE, "cannot open result file", path, strerror(errno));
    lw_append(&line, "LWRESULT 1\n{\"kernel\": \"%.200s\", \"fp_control_changed\": %s, \"ns\": [", kernel,
              samples->fp_control_changed ? "true" : "false");
    for (r = 0; r < samples->repetitions; r++)
        lw_append(&line, "%s%lld", r ? ", " : "", (long long)samples->ns[r]);
    lw_append(&line, "], \"digests\": [");
    for (r = 0; r < samples->repetitions; r++)
        lw_append(&line, "%s\"%016llx\"", r ? ", " : "", (unsigned long long)samples->digests[r]);
    lw_append(&line, "], \"outputs\": [");
    r = 0;
    for (i = 0; i < lw_table_length; i++)
        if (lw_table[i].role != LW_IN)
            lw_append(&line, "%s[\"%.200s\", %llu]", r++ ? ", " : "", lw_table[i].name,
                      (unsigned long long)lw_table[i].bytes);
    while ((line.length + 3) % 8 != 0) /* so that the first array is aligned for its reader */
        lw_append(&line, " ");
    lw_append(&line, "]}\n");
    digest = lw_digest(line.text, line.length);
    lw_write_all(file, line.text, line.length);
    for (i = 0; i < lw_table_length; i++)
        if (lw_table[i].role != LW_IN) {
            lw_write_all(file, lw_table[i].data, lw_table[i].bytes);
            digest = lw_mix(digest ^ lw_digest(lw_table[i].data, lw_table[i].bytes));
        }
    lw_write_all(file, &digest, sizeof digest);
    if (close(file) != 0)
        lw_die(LW_EXIT_FILE, "cannot write result file", path, strerror(errno));
    free(line.text);
}

/* Inputs are compared by digest; where one differs, it is made once more to find the place. */
static void lw_check_inputs(uint64_t seed)
{
    size_t i, at;
    for (i = 0; i < lw_table_length; i++) {
        const lw_array *array = &lw_table[i];
        if (array->role == LW_IN && lw_digest(array->data, array->bytes) != array->digest) {
            unsigned char *fresh = lw_map(array->bytes, array->name);
            lw_fill(array, fresh, seed);
            for (at = 0; at + 1 < array->bytes && fresh[at] == array->data[at]; at++)
                continue;
            lw_report_access(LW_EXIT_INPUT_MODIFIED, array, "write", (int64_t)at);
        }
    }
}

static void lw_prepare(int argc, char **argv, lw_placement placement, uint64_t seed, int check)
{
    size_t i;
    int option;
    for (i = 0; i < lw_table_length; i++) {
        lw_array *array = &lw_table[i];
        array->count = (size_t)lw_numeric(argc, argv, array->name, "count").integer;
        if (array->count > (SIZE_MAX >> 8))
            lw_die(LW_EXIT_USAGE, "impossible count of", array->name, "");
        for (option = 0; option < 2; option++)
            if (array->option_names[option] != NULL)
                array->options[option] = lw_numeric(argc, argv, array->name, array->option_names[option]);
        if (array->init == LW_FILE)
            array->file = lw_text(argc, argv, array->name, "file");
        lw_allocate(array, placement);
        if (array->role == LW_OUT)
            continue;
        lw_fill(array, array->data, seed);
        if (array->role == LW_INOUT) {
            array->pristine = lw_map(array->bytes ? array->bytes : 1, array->name);
            memcpy(array->pristine, array->data, array->bytes);
        } else {
            array->digest = lw_digest(array->data, array->bytes);
            if (check && mprotect(array->pages, array->page_bytes, PROT_READ) != 0)
                lw_die(LW_EXIT_NO_MEMORY, "cannot protect", array->name, strerror(errno));
        }
    }
}

static void lw_restore_outputs(void)
{
    size_t i;
    for (i = 0; i < lw_table_length; i++) {
        if (lw_table[i].role == LW_OUT)
            lw_poison(&lw_table[i]);
        else if (lw_table[i].role == LW_INOUT)
            memcpy(lw_table[i].data, lw_table[i].pristine, lw_table[i].bytes);
    }
}

/* Swaps two elements of every array that is random in any order; the same call again undoes it. Kept up
 * through all timed calls but the last, so that a kernel which answers from memory (by pointer, by size,
 * by a sample of its inputs) gives the last answer wrong. Not while inputs are read-only. */
static void lw_vary_inputs(int round)
{
    size_t i;
    for (i = 0; i < lw_table_length; i++) {
        const lw_array *array = &lw_table[i];
        const uint64_t stream = lw_mix((uint64_t)round + LW_GOLDEN * (i + 1));
        unsigned char held[8], *one, *other;
        if (array->role == LW_OUT || array->count < 2 ||
            (array->init != LW_UNIFORM && array->init != LW_NORMAL && array->init != LW_INDEX &&
             array->init != LW_PERMUTATION))
            continue;
        one = array->data + array->size * lw_below(lw_bits(stream, 0), array->count);
        other = array->data + array->size * lw_below(lw_bits(stream, 1), array->count);
        memcpy(held, one, array->size);
        memmove(one, other, array->size);
        memcpy(other, held, array->size);
    }
}

static uint64_t lw_digest_outputs(void)
{
    uint64_t digest = 0;
    size_t i;
    for (i = 0; i < lw_table_length; i++)
        if (lw_table[i].role != LW_IN)
            digest = lw_mix(digest ^ lw_digest(lw_table[i].data, lw_table[i].bytes));
    return digest;
}

/* The whole program. Arrays and scalars in the order of the tables. */
static int lw_main(int argc, char **argv, const char *kernel, lw_array *arrays, size_t array_count,
                   lw_scalar *scalars, size_t scalar_count, lw_caller call)
{
    const char *result = lw_text(argc, argv, "--result", "");
    const char *place = lw_text(argc, argv, "--placement", "");
    const uint64_t seed = (uint64_t)lw_numeric(argc, argv, "--seed", "").integer;
    const int repetitions = (int)lw_numeric(argc, argv, "--repetitions", "").integer;
    const int warmup = (int)lw_numeric(argc, argv, "--warmup", "").integer;
    const int check = lw_numeric(argc, argv, "--check", "").integer != 0;
    const lw_placement placement = strcmp(place, "end") == 0     ? LW_PLACE_END
                                   : strcmp(place, "start") == 0 ? LW_PLACE_START
                                                                 : LW_PLACE_ALIGNED;
    lw_samples samples = {NULL, NULL, repetitions, 0};
    size_t i;
    int round;
    if (repetitions < 1 || warmup < 0 || repetitions > 1000000)
        lw_die(LW_EXIT_USAGE, "out of range", "--repetitions or --warmup", "");
    lw_table = arrays;
    lw_table_length = array_count;
    for (i = 0; i < scalar_count; i++)
        scalars[i].value = lw_numeric(argc, argv, scalars[i].name, "");
    lw_prepare(argc, argv, placement, seed, check);
    samples.ns = (int64_t *)lw_map((size_t)repetitions * sizeof *samples.ns, "samples");
    samples.digests = (uint64_t *)lw_map((size_t)repetitions * sizeof *samples.digests, "digests");
    lw_watch_faults();

    for (round = -warmup; round < repetitions; round++) {
        const int varied = !check && round != repetitions - 1;
        int64_t before, after;
        uint64_t control, digest;
        lw_restore_outputs();
        if (varied)
            lw_vary_inputs(round);
        control = lw_fp_control();
        before = lw_clock_ns();
        call();
        after = lw_clock_ns();
        if (lw_fp_control() != control) {
            samples.fp_control_changed = 1;
            lw_restore_fp_control(control);
        }
        /* At once: what another thread still writes later will not fit this digest. */
        digest = lw_digest_outputs();
        if (varied)
            lw_vary_inputs(round);
        for (i = 0; i < array_count; i++)
            lw_check_slack(&arrays[i]);
        if (check || round == repetitions - 1)
            lw_check_inputs(seed);
        if (round >= 0) {
            samples.ns[round] = after - before;
            samples.digests[round] = digest;
        }
    }
    lw_write_result(result, kernel, &samples);
    return 0;
}

#endif
