/* Writing records; telling host code from device code; counting transfers and steps. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "runtime.h"

#define IMAGES 8
#define SEGMENTS 8
#define TRANSFERS 2048
#define PLACES (1u << 17)
#define HEADER_BYTES 512

int watching;
static int trace = -1;
static char program[PATH_MAX];
static uintptr_t program_start, program_end;
static struct { uintptr_t start, end; } constant[SEGMENTS];
static int constant_count;
static struct { const void *bytes; size_t size; } images[IMAGES];
static int image_count;
static struct transfer {
    char way[8], name[NAME_BYTES], place[PLACE_BYTES];
    size_t bytes, times;
} transfers[TRANSFERS];
static int transfer_count, any_steps;
static struct step {
    uintptr_t code;
    int side, image; /* image: -1 the program itself, -2 something else */
    unsigned long offset, accesses, blocks;
} steps[PLACES];

void record(const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0 || trace < 0)
        return;
    if ((size_t)length > sizeof line - 2)
        length = sizeof line - 2;
    line[length++] = '\n';
    if (write(trace, line, (size_t)length) != length)
        watching = 0;
}

static int find_program(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    /* The first one is the program itself. */
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            if (!program_start || start < program_start)
                program_start = start;
            if (start + info->dlpi_phdr[i].p_memsz > program_end)
                program_end = start + info->dlpi_phdr[i].p_memsz;
            if (!(info->dlpi_phdr[i].p_flags & PF_W) && constant_count < SEGMENTS) {
                constant[constant_count].start = start;
                constant[constant_count++].end = start + info->dlpi_phdr[i].p_memsz;
            }
        }
    return 1;
}

__attribute__((constructor(101))) static void start(void)
{
    const char *path = getenv("LOOPWRIGHT_TRACE");
    if (path == NULL)
        return;
    trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        program[0] = 0;
    dl_iterate_phdr(find_program, NULL);
    watching = trace >= 0;
}

int in_program(uintptr_t address)
{
    return address >= program_start && address < program_end;
}

int is_constant(uintptr_t address)
{
    for (int i = 0; i < constant_count; i++)
        if (address >= constant[i].start && address < constant[i].end)
            return 1;
    return 0;
}

int image_of(const void *base)
{
    for (int i = 0; i < image_count; i++) {
        size_t compared = images[i].size < HEADER_BYTES ? images[i].size : HEADER_BYTES;
        if (memcmp(base, images[i].bytes, compared) == 0)
            return i;
    }
    return -1;
}

void add_image(const void *bytes, size_t size)
{
    char name[64];
    for (int i = 0; i < image_count; i++)
        if (images[i].bytes == bytes)
            return;
    if (image_count == IMAGES)
        return;
    snprintf(name, sizeof name, "loopwright_image_%d.so", image_count);
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file >= 0) {
        for (size_t done = 0; done < size;) {
            ssize_t n = write(file, (const char *)bytes + done, size - done);
            if (n <= 0)
                break;
            done += (size_t)n;
        }
        close(file);
    }
    images[image_count].bytes = bytes;
    images[image_count++].size = size;
    record("image\t%s", name);
}

/* "program+1a2b", "loopwright_image_0.so+1a2b" or a library's path; the call itself, not what follows. */
const char *place_of(uintptr_t code, char *text, size_t size)
{
    /* Images are unloaded at the end, so that steps remember where they lie. */
    Dl_info info;
    if (code == 0 || !dladdr((void *)code, &info) || info.dli_fbase == NULL) {
        snprintf(text, size, "-");
        return text;
    }
    unsigned long offset = code - 1 - (uintptr_t)info.dli_fbase;
    int image = in_program(code) ? -1 : image_of(info.dli_fbase);
    if (in_program(code))
        snprintf(text, size, "program+%lx", offset);
    else if (image >= 0)
        snprintf(text, size, "loopwright_image_%d.so+%lx", image, offset);
    else
        snprintf(text, size, "%s+%lx", info.dli_fname, offset);
    return text;
}

/* Take ";name;file;line;column;;" apart: the name, and "file:line". */
void name_of(const char *described, char *name, char *place)
{
    const char *parts[4];
    size_t lengths[4];
    name[0] = place[0] = 0;
    for (int i = 0; i < 4; i++) {
        if (described == NULL || *described != ';')
            return;
        parts[i] = ++described;
        lengths[i] = strcspn(described, ";");
        described += lengths[i];
    }
    snprintf(name, NAME_BYTES, "%.*s", (int)lengths[0], parts[0]);
    /* A variable is described with its file second, a construct with its file first. */
    snprintf(place, PLACE_BYTES, "%.*s:%.*s", (int)lengths[1], parts[1], (int)lengths[2], parts[2]);
}

void count_transfer(const char *way, size_t bytes, const char *name, const char *place)
{
    struct transfer *found = NULL;
    for (int i = transfer_count - 1; i >= 0 && found == NULL; i--)
        if (!strcmp(transfers[i].name, name) && !strcmp(transfers[i].place, place) &&
            !strcmp(transfers[i].way, way))
            found = &transfers[i];
    if (found == NULL) {
        if (transfer_count == TRANSFERS)
            return;
        found = &transfers[transfer_count++];
        snprintf(found->way, sizeof found->way, "%s", way);
        snprintf(found->name, sizeof found->name, "%s", name);
        snprintf(found->place, sizeof found->place, "%s", place);
    }
    found->bytes += bytes;
    found->times++;
}

static struct step *step_at(uintptr_t code)
{
    size_t at = (code * 0x9E3779B97F4A7C15u) >> 47;
    for (size_t tried = 0; tried < PLACES; tried++, at = (at + 1) % PLACES) {
        uintptr_t known = __atomic_load_n(&steps[at].code, __ATOMIC_ACQUIRE);
        if (known == code)
            return &steps[at];
        if (known == 0) {
            Dl_info info;
            uintptr_t none = 0;
            int image = in_program(code) ? -1 : -2;
            unsigned long offset = code - 1 - program_start;
            if (image == -2 && dladdr((void *)code, &info) && info.dli_fbase != NULL) {
                int device = image_of(info.dli_fbase);
                image = device < 0 ? -2 : device;
                offset = code - 1 - (uintptr_t)info.dli_fbase;
            }
            steps[at].side = image >= 0 ? DEVICE_CODE : HOST_CODE;
            steps[at].image = image;
            steps[at].offset = offset;
            if (__atomic_compare_exchange_n(&steps[at].code, &none, code, 0, __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE) || none == code)
                return &steps[at];
        }
    }
    return NULL;
}

enum side side_of(uintptr_t code)
{
    struct step *step = step_at(code);
    return step == NULL ? HOST_CODE : (enum side)step->side;
}

void count_step(uintptr_t code, int block, unsigned long times)
{
    any_steps = 1;
    struct step *step = step_at(code);
    if (step != NULL)
        __atomic_fetch_add(block ? &step->blocks : &step->accesses, times, __ATOMIC_RELAXED);
}

__attribute__((destructor)) static void finish(void)
{
    char code[64];
    if (!watching || !any_steps)
        return; /* a program that this one started */
    for (int i = 0; i < transfer_count; i++)
        record("copy\t%s\t%zu\t%zu\t%s\t%s", transfers[i].way, transfers[i].bytes, transfers[i].times,
               transfers[i].name, transfers[i].place);
    for (size_t i = 0; i < PLACES; i++)
        if (steps[i].code != 0) {
            if (steps[i].image == -1)
                snprintf(code, sizeof code, "program+%lx", steps[i].offset);
            else if (steps[i].image >= 0)
                snprintf(code, sizeof code, "loopwright_image_%d.so+%lx", steps[i].image, steps[i].offset);
            else
                snprintf(code, sizeof code, "-");
            record("steps\t%s\t%lu\t%lu\t%s", steps[i].side == DEVICE_CODE ? "device" : "host",
                   steps[i].accesses, steps[i].blocks, code);
        }
    record("end");
    watching = 0;
}
