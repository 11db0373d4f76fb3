/* The heap: which blocks there are, and whether host code of the program asked for them. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime.h"

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

#define GONE ((uintptr_t)1)
#define LEAST_REDZONE 64
#define MOST_REDZONE (1u << 20)

__thread size_t device_bytes_wanted;
__thread size_t device_redzone;
static struct block *table;
static size_t capacity, used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t slot_of(uintptr_t start)
{
    return (start * 0x9E3779B97F4A7C15u >> 20) % capacity;
}

static void put(struct block block)
{
    size_t at = slot_of(block.start);
    while (table[at].start > GONE && table[at].start != block.start)
        at = (at + 1) % capacity;
    used += table[at].start == 0;
    table[at] = block;
}

static int grown(void)
{
    size_t live = 0, old_capacity = capacity;
    struct block *old = table;
    for (size_t i = 0; i < capacity; i++)
        live += table[i].start > GONE;
    size_t wanted = live * 4 > (1u << 14) ? live * 4 : (1u << 14);
    void *memory = mmap(NULL, wanted * sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 0;
    table = memory;
    capacity = wanted;
    used = 0;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].start > GONE)
            put(old[i]);
    if (old != NULL)
        munmap(old, old_capacity * sizeof *old);
    return 1;
}

static void *born(void *start, size_t bytes, void *caller)
{
    if (!watching || start == NULL || bytes == 0)
        return start;
    uintptr_t code = (uintptr_t)caller;
    int of_host = !inside_openmp && (kernels_running == 0 || in_program(code));
    struct block block = {(uintptr_t)start, bytes, code, of_host};
    pthread_mutex_lock(&lock);
    if (used * 10 < capacity * 7 || grown())
        put(block);
    pthread_mutex_unlock(&lock);
    if (any_maps)
        forget_host(block.start, bytes);
    return start;
}

static void died(void *start)
{
    size_t bytes = 0;
    if (!watching || start == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (capacity != 0)
        for (size_t at = slot_of((uintptr_t)start); table[at].start != 0; at = (at + 1) % capacity)
            if (table[at].start == (uintptr_t)start) {
                bytes = table[at].bytes;
                table[at].start = GONE;
                break;
            }
    pthread_mutex_unlock(&lock);
    if (bytes != 0 && any_maps)
        forget_host((uintptr_t)start, bytes);
}

int block_at(uintptr_t address, struct block *found)
{
    static __thread struct block last;
    int is_found = 0;
    pthread_mutex_lock(&lock);
    if (last.bytes != 0 && address - last.start < last.bytes) {
        size_t at = slot_of(last.start);
        while (table[at].start != 0 && table[at].start != last.start)
            at = (at + 1) % capacity;
        if (table[at].start == last.start && table[at].bytes == last.bytes) {
            *found = table[at];
            is_found = 1;
        }
    }
    for (size_t i = 0; i < capacity && !is_found; i++)
        if (table[i].start > GONE && address - table[i].start < table[i].bytes) {
            *found = last = table[i];
            is_found = 1;
        }
    pthread_mutex_unlock(&lock);
    return is_found;
}

EXPORT void *malloc(size_t bytes)
{
    /* Behind a device buffer lies memory that nobody has, so that running past its end is seen. */
    if (device_bytes_wanted != 0 && bytes >= device_bytes_wanted) {
        size_t redzone = bytes > MOST_REDZONE ? MOST_REDZONE : bytes < LEAST_REDZONE ? LEAST_REDZONE : bytes;
        device_bytes_wanted = 0;
        device_redzone = redzone;
        bytes += redzone;
    }
    return born(__libc_malloc(bytes), bytes, __builtin_return_address(0));
}

EXPORT void *calloc(size_t count, size_t bytes)
{
    return born(__libc_calloc(count, bytes), count * bytes, __builtin_return_address(0));
}

EXPORT void *realloc(void *old, size_t bytes)
{
    died(old);
    return born(__libc_realloc(old, bytes), bytes, __builtin_return_address(0));
}

EXPORT void *memalign(size_t alignment, size_t bytes)
{
    return born(__libc_memalign(alignment, bytes), bytes, __builtin_return_address(0));
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    return born(__libc_memalign(alignment, bytes), bytes, __builtin_return_address(0));
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t bytes)
{
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *start = __libc_memalign(alignment, bytes);
    if (start == NULL)
        return ENOMEM;
    *result = born(start, bytes, __builtin_return_address(0));
    return 0;
}

/* Arrays between guard pages. What glibc maps for itself does not come by here. */
EXPORT void *mmap(void *wish, size_t bytes, int protection, int flags, int file, off_t offset)
{
    void *start = (void *)syscall(SYS_mmap, wish, bytes, protection, flags, file, offset);
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    if (start != MAP_FAILED && in_program(caller))
        born(start, bytes, (void *)caller);
    return start;
}

EXPORT int munmap(void *start, size_t bytes)
{
    died(start);
    return (int)syscall(SYS_munmap, start, bytes);
}

EXPORT void free(void *start)
{
    died(start);
    __libc_free(start);
}
