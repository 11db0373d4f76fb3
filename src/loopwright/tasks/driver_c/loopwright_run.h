/* Repetitions, the clock and the result file. Part of the driver that Loopwright writes around a kernel.
 *
 * Command line: --result=FILE --seed=S --repetitions=R --warmup=W --check=0|1 --placement=aligned|end|start
 * --nonce=N, then one NAME=VALUE for every scalar, NAME.count=ELEMENTS for every array and NAME.OPTION=VALUE
 * for every option of its initialiser. A single call gets the inputs of the case, or with a nonce those that
 * a call with this nonce had; each of several calls gets inputs of its own, and nothing here can change that,
 * because a kernel could change the command line before main.
 *
 * Result file: the line "LWRESULT 1", a line of JSON, the output arrays one after the other, and a
 * 64-bit digest of all that, little-endian.
 */
#ifndef LOOPWRIGHT_RUN_H
#define LOOPWRIGHT_RUN_H

#include "loopwright_rounds.h"

#include <fcntl.h>
#include <stdarg.h>

typedef struct {
    const char *name;
    lw_number value;
} lw_scalar;

/* Calls the kernel once with the arrays and scalars of the tables. */
typedef void (*lw_caller)(void);

/* What is done beside the calls of a kernel that runs on a device, and never timed. */
typedef struct {
    void (*open)(int argc, char **argv); /* once, when there are arrays */
    void (*before)(void); /* every call, when the arrays are filled */
    void (*check_inputs)(void); /* after a call */
    int64_t (*device_ns)(void); /* which the device needed for the last call */
} lw_beside;

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
    int64_t *device_ns; /* the device's part of it; NULL where there is none */
    uint64_t *digests; /* of all outputs, after every timed repetition */
    int repetitions;
    int fp_control_changed;
    int kept_round; /* whose outputs are in the file */
    uint64_t kept_nonce; /* and from which inputs they came */
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
    lw_append(&line, "LWRESULT 1\n{\"kernel\": \"%.200s\", \"fp_control_changed\": %s, ", kernel,
              samples->fp_control_changed ? "true" : "false");
    lw_append(&line, "\"round\": %d, \"nonce\": \"%llu\", \"ns\": [", samples->kept_round,
              (unsigned long long)samples->kept_nonce);
    for (r = 0; r < samples->repetitions; r++)
        lw_append(&line, "%s%lld", r ? ", " : "", (long long)samples->ns[r]);
    if (samples->device_ns != NULL) {
        lw_append(&line, "], \"device_ns\": [");
        for (r = 0; r < samples->repetitions; r++)
            lw_append(&line, "%s%lld", r ? ", " : "", (long long)samples->device_ns[r]);
    }
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
            const unsigned char *output = lw_table[i].kept != NULL ? lw_table[i].kept : lw_table[i].data;
            lw_write_all(file, output, lw_table[i].bytes);
            digest = lw_mix(digest ^ lw_digest(output, lw_table[i].bytes));
        }
    lw_write_all(file, &digest, sizeof digest);
    if (close(file) != 0)
        lw_die(LW_EXIT_FILE, "cannot write result file", path, strerror(errno));
    free(line.text);
}

/* `varied`: calls get other inputs than the case's. `kept`: the outputs of one of several timed calls are
 * copied; those of a single one are where it left them. */
static void lw_prepare(int argc, char **argv, lw_placement placement, uint64_t seed, int check, int varied,
                       int kept)
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
        if (kept && array->role != LW_IN)
            array->kept = lw_map_copy(array->bytes, array->name);
        if (array->role == LW_OUT)
            continue;
        if (varied && lw_is_remade(array))
            continue; /* filled before every call */
        lw_fill(array, array->data, seed);
        if (varied) {
            array->pristine = lw_map_copy(array->bytes, array->name);
            memcpy(array->pristine, array->data, array->bytes);
        } else if (array->role == LW_IN) {
            if (!lw_is_remade(array))
                array->digest = lw_digest(array->data, array->bytes);
            if (check && mprotect(array->pages, array->page_bytes, PROT_READ) != 0)
                lw_die(LW_EXIT_NO_MEMORY, "cannot protect", array->name, strerror(errno));
        }
    }
}

/* The whole program. Arrays and scalars in the order of the tables; `beside` is NULL for a kernel of the host. */
static int lw_main(int argc, char **argv, const char *kernel, lw_array *arrays, size_t array_count,
                   lw_scalar *scalars, size_t scalar_count, lw_caller call, const lw_beside *beside)
{
    const char *result = lw_text(argc, argv, "--result", "");
    const char *place = lw_text(argc, argv, "--placement", "");
    const uint64_t seed = (uint64_t)lw_numeric(argc, argv, "--seed", "").integer;
    const int repetitions = (int)lw_numeric(argc, argv, "--repetitions", "").integer;
    const int warmup = (int)lw_numeric(argc, argv, "--warmup", "").integer;
    const int check = lw_numeric(argc, argv, "--check", "").integer != 0;
    const uint64_t given = strtoull(lw_text(argc, argv, "--nonce", ""), NULL, 10);
    const int fresh = (int64_t)repetitions + warmup > 1, varied = fresh || given != 0;
    const lw_placement placement = strcmp(place, "end") == 0     ? LW_PLACE_END
                                   : strcmp(place, "start") == 0 ? LW_PLACE_START
                                                                 : LW_PLACE_ALIGNED;
    const uint64_t control = lw_fp_expected();
    lw_samples samples = {NULL, NULL, NULL, repetitions, lw_fp_control() != control, repetitions - 1, given};
    size_t i;
    int round;
    if (fresh && given != 0)
        lw_die(LW_EXIT_USAGE, "each of several calls has a nonce of its own", "--nonce", "");
    if (repetitions < 1 || warmup < 0 || repetitions > 1000000)
        lw_die(LW_EXIT_USAGE, "out of range", "--repetitions or --warmup", "");
    lw_table = arrays;
    lw_table_length = array_count;
    for (i = 0; i < scalar_count; i++)
        scalars[i].value = lw_numeric(argc, argv, scalars[i].name, "");
    lw_set_fp_control(control);
    lw_prepare(argc, argv, placement, seed, check, varied, repetitions > 1);
    samples.ns = (int64_t *)lw_map((size_t)repetitions * sizeof *samples.ns, "samples");
    samples.digests = (uint64_t *)lw_map((size_t)repetitions * sizeof *samples.digests, "digests");
    if (beside != NULL) {
        samples.device_ns = (int64_t *)lw_map((size_t)repetitions * sizeof *samples.device_ns, "device samples");
        beside->open(argc, argv);
    }
    lw_watch_faults();

    for (round = -warmup; round < repetitions; round++) {
        const uint64_t nonce = fresh ? lw_draw() : given, handler = lw_fault_handler();
        int64_t before, after;
        uint64_t digest;
        lw_restore(seed, nonce);
        if (beside != NULL)
            beside->before();
        before = lw_clock_ns();
        call();
        after = lw_clock_ns();
        lw_look(lw_draw());
        if (lw_fp_control() != control) {
            samples.fp_control_changed = 1;
            lw_set_fp_control(control);
        }
        /* At once: what another thread still writes later will not fit this digest. */
        digest = lw_digest_outputs();
        lw_look_again();
        for (i = 0; i < array_count; i++)
            lw_check_slack(&arrays[i]);
        if (check || varied) /* tools that watch the memory would take it for an access of the kernel */
            lw_check_guards(handler);
        if (check || varied || round == repetitions - 1) {
            lw_check_inputs(seed, nonce);
            if (beside != NULL)
                beside->check_inputs();
        }
        if (round < 0)
            continue;
        samples.ns[round] = after - before;
        if (beside != NULL)
            samples.device_ns[round] = beside->device_ns();
        samples.digests[round] = digest;
        /* Every call is kept with equal probability (Vitter, ACM TOMS 11(1), 1985, algorithm R with one
         * place), and the kernel has returned before the numbers are drawn. */
        if (varied && lw_below(lw_draw(), (uint64_t)round + 1) == 0) {
            lw_keep_outputs();
            samples.kept_round = round;
            samples.kept_nonce = nonce;
        }
    }
    lw_write_result(result, kernel, &samples);
    return 0;
}

#endif
