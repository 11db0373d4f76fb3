/* What is shared by the parts of the runtime that watches an offloaded program on a host device.

   The program is compiled with the calls of ThreadSanitizer and of SanitizerCoverage but without their
   runtimes; this library answers the calls, for host code and for device code, and listens to libomptarget
   through OMPT and by standing in front of its entry points. It writes one line a record to the file that
   LOOPWRIGHT_TRACE names; fields are separated by tabs (see gates/offload_trace.py). */
#ifndef LOOPWRIGHT_RUNTIME_H
#define LOOPWRIGHT_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define NAME_BYTES 96
#define PLACE_BYTES 224
#define FAULTS 64

enum side { HOST_CODE, DEVICE_CODE };

/* What is wrong with one byte of one copy. */
enum bad {
    GOOD,
    STALE, /* the other copy was written later */
    UNSET, /* never written, or copied from where nothing ever was */
    LOST   /* a newer value was here, and a copy of an older one came over it */
};

/* One buffer in device memory, and the part of the program's memory that it stands for. */
struct map {
    uintptr_t host; /* 0: none, as for omp_target_alloc and firstprivate copies */
    uintptr_t device;
    size_t bytes, redzone;
    uint8_t *host_bad, *device_bad, *host_seen; /* host_seen: host bytes when they became bad */
    char name[NAME_BYTES], place[PLACE_BYTES];
    char kept[PLACE_BYTES];    /* a construct that would have copied back, had this been the last reference */
    char deleted[PLACE_BYTES]; /* the construct that ended the mapping */
    uintptr_t host_writer, device_writer;
    int alive;
    struct map *next;
};

/* One list item of a construct, as the compiler passes it to libomptarget. */
struct items {
    const char *place; /* of the construct: ";file;function;line;column;;" */
    int32_t count;
    void **bases, **begins;
    int64_t *sizes, *types;
    char **names; /* ";name;file;line;column;;" each, NULL without debug information */
    struct items *outer;
};

#define ITEM_FROM 0x2
#define ITEM_PRIVATE 0x80
#define ITEM_LITERAL 0x100

/* One block of the heap. */
struct block {
    uintptr_t start;
    size_t bytes;
    uintptr_t caller;
    int of_host;
};

/* record.c */
void record(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *place_of(uintptr_t code, char *text, size_t size);
void name_of(const char *described, char *name, char *place);
void count_transfer(const char *way, size_t bytes, const char *name, const char *place);
void count_step(uintptr_t code, int block, unsigned long times);
enum side side_of(uintptr_t code);
int image_of(const void *base);
int in_program(uintptr_t address);
int is_constant(uintptr_t address);
void add_image(const void *bytes, size_t size);
extern int watching;

/* blocks.c */
int block_at(uintptr_t address, struct block *found);
extern __thread size_t device_bytes_wanted;
extern __thread size_t device_redzone;

/* openmp.c */
extern __thread int inside_openmp;
extern __thread struct items *construct;
extern int kernels_running;
int on_host_stack(uintptr_t address);
int on_own_stack(uintptr_t address);
int has_global(uintptr_t device, const char *name, uintptr_t *host, size_t *bytes);
extern struct items *last_kernel;

/* shadow.c */
void mapped(uintptr_t host, uintptr_t device, size_t bytes, size_t redzone);
void unmapped(uintptr_t device);
void copied_in(uintptr_t host, uintptr_t device, size_t bytes);
void copied_out(uintptr_t device, uintptr_t host, size_t bytes);
void ended(const struct items *items);
void forget_host(uintptr_t start, size_t bytes);
void left_frame(uintptr_t frame);
void accessed(uintptr_t address, size_t bytes, int writes, int is_range, uintptr_t code);
extern int any_maps;
extern struct map *maps, graves[FAULTS];
extern int grave_count;
struct map *by_device(uintptr_t address);
struct map *by_host(uintptr_t address);

/* faults.c */
void fault(const char *kind, const struct map *m, const char *name, uintptr_t code, uintptr_t other, long offset,
           const char *extra);
int item_of(const struct items *items, uintptr_t host);
void item_name(const struct items *items, int i, char *name, char *place);
const char *here(char *place);
void foreign_access(uintptr_t address, int writes, uintptr_t code);

#endif
