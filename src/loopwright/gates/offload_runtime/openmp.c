/* Listening to libomptarget: its entry points tell names and places, OMPT what was really copied. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <omp-tools.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "runtime.h"

#define KERNELS 64
#define STACK_BELOW (64u << 10)

/* llvm/offload: KernelArgsTy, the fields that all versions begin with. */
struct kernel_arguments {
    uint32_t version, count;
    void **bases, **begins;
    int64_t *sizes, *types;
    char **names;
};
/* llvm/openmp: ident_t. */
struct ident {
    int32_t unused[4];
    const char *place;
};
/* llvm/offload: __tgt_offload_entry, __tgt_device_image and __tgt_bin_desc. */
struct entry {
    void *address;
    char *name;
    size_t bytes;
    int32_t flags, unused;
};
struct image {
    void *start, *end;
    struct entry *entries_begin, *entries_end;
};
struct images {
    int32_t count;
    struct image *images;
    struct entry *host_begin, *host_end;
};

__thread int inside_openmp;
__thread struct items *construct;
struct items *last_kernel;
int kernels_running;
static struct { uintptr_t from, to; } stacks[KERNELS];
static struct images *registered[KERNELS];
static int registered_count;

static void find_stack(uintptr_t *from, uintptr_t *to)
{
    static __thread uintptr_t start, end;
    if (end == 0) {
        pthread_attr_t attributes;
        void *low;
        size_t size;
        if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
            if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
                start = (uintptr_t)low;
                end = start + size;
            }
            pthread_attr_destroy(&attributes);
        }
    }
    *from = start;
    *to = end;
}

int on_own_stack(uintptr_t address)
{
    uintptr_t from, to, here = (uintptr_t)__builtin_frame_address(0);
    find_stack(&from, &to);
    return address >= here - STACK_BELOW && address < to;
}

/* Whether host code that waits for a running kernel has a frame there. */
int on_host_stack(uintptr_t address)
{
    for (int i = 0; i < KERNELS; i++)
        if (stacks[i].to != 0 && address >= stacks[i].from && address < stacks[i].to)
            return 1;
    return 0;
}

int has_global(uintptr_t device, const char *name, uintptr_t *host, size_t *bytes)
{
    (void)device;
    for (int i = 0; i < registered_count; i++)
        for (struct entry *e = registered[i]->host_begin; e != registered[i]->host_end; e++)
            if (e->bytes != 0 && strcmp(e->name, name) == 0) {
                *host = (uintptr_t)e->address;
                *bytes = e->bytes;
                return 1;
            }
    return 0;
}

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        record("problem\tlibomptarget has no %s", name);
    return found;
}

static void enter(struct items *items)
{
    items->outer = construct;
    construct = items;
    inside_openmp++;
}

static void leave(struct items *items)
{
    inside_openmp--;
    construct = items->outer;
}

EXPORT void __tgt_register_lib(struct images *images)
{
    if (registered_count < KERNELS)
        registered[registered_count++] = images;
    if (watching)
        for (int i = 0; i < images->count; i++)
            add_image(images->images[i].start, (size_t)((char *)images->images[i].end - (char *)images->images[i].start));
    inside_openmp++;
    void (*call)(struct images *) = (void (*)(struct images *))next("__tgt_register_lib");
    if (call != NULL)
        call(images);
    inside_openmp--;
}

EXPORT int __tgt_target_kernel(struct ident *at, int64_t device, int32_t teams, int32_t threads, void *host,
                               struct kernel_arguments *arguments)
{
    struct items items = {at->place, (int32_t)arguments->count, arguments->bases, arguments->begins,
                          arguments->sizes, arguments->types, arguments->names, NULL};
    int (*call)(struct ident *, int64_t, int32_t, int32_t, void *, struct kernel_arguments *) =
        (int (*)(struct ident *, int64_t, int32_t, int32_t, void *, struct kernel_arguments *))
            next("__tgt_target_kernel");
    uintptr_t from, to, slot = KERNELS;
    if (call == NULL)
        return 1;
    find_stack(&from, &to);
    enter(&items);
    last_kernel = &items;
    for (uintptr_t i = 0; i < KERNELS && slot == KERNELS; i++) {
        uintptr_t none = 0;
        if (__atomic_compare_exchange_n(&stacks[i].from, &none, (uintptr_t)__builtin_frame_address(0), 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            slot = i;
            stacks[i].to = to;
        }
    }
    int failed = call(at, device, teams, threads, host, arguments);
    if (slot != KERNELS) {
        stacks[slot].to = 0;
        __atomic_store_n(&stacks[slot].from, 0, __ATOMIC_RELEASE);
    }
    last_kernel = items.outer;
    leave(&items);
    ended(&items);
    count_transfer(failed ? "fallen" : "kernel", 0, "", at->place != NULL ? at->place : "");
    return failed;
}

#define DATA(NAME, IS_END)                                                                                       \
    EXPORT void NAME(struct ident *at, int64_t device, int32_t count, void **bases, void **begins,               \
                     int64_t *sizes, int64_t *types, char **names, void **mappers)                               \
    {                                                                                                            \
        struct items items = {at->place, count, bases, begins, sizes, types, names, NULL};                       \
        void (*call)(struct ident *, int64_t, int32_t, void **, void **, int64_t *, int64_t *, char **, void **) \
            = (void (*)(struct ident *, int64_t, int32_t, void **, void **, int64_t *, int64_t *, char **,       \
                        void **))next(#NAME);                                                                    \
        enter(&items);                                                                                           \
        if (call != NULL)                                                                                        \
            call(at, device, count, bases, begins, sizes, types, names, mappers);                                \
        leave(&items);                                                                                           \
        if (IS_END)                                                                                              \
            ended(&items);                                                                                       \
    }
#define DATA_NOWAIT(NAME, IS_END)                                                                                \
    EXPORT void NAME(struct ident *at, int64_t device, int32_t count, void **bases, void **begins,               \
                     int64_t *sizes, int64_t *types, char **names, void **mappers, int32_t before, void *first,  \
                     int32_t others, void *second)                                                               \
    {                                                                                                            \
        struct items items = {at->place, count, bases, begins, sizes, types, names, NULL};                       \
        void (*call)(struct ident *, int64_t, int32_t, void **, void **, int64_t *, int64_t *, char **, void **, \
                     int32_t, void *, int32_t, void *) =                                                         \
            (void (*)(struct ident *, int64_t, int32_t, void **, void **, int64_t *, int64_t *, char **,         \
                      void **, int32_t, void *, int32_t, void *))next(#NAME);                                    \
        enter(&items);                                                                                           \
        if (call != NULL)                                                                                        \
            call(at, device, count, bases, begins, sizes, types, names, mappers, before, first, others, second); \
        leave(&items);                                                                                           \
        if (IS_END)                                                                                              \
            ended(&items);                                                                                       \
    }

DATA(__tgt_target_data_begin_mapper, 0)
DATA(__tgt_target_data_end_mapper, 1)
DATA(__tgt_target_data_update_mapper, 0)
DATA_NOWAIT(__tgt_target_data_begin_nowait_mapper, 0)
DATA_NOWAIT(__tgt_target_data_end_nowait_mapper, 1)
DATA_NOWAIT(__tgt_target_data_update_nowait_mapper, 0)

static void on_data(ompt_scope_endpoint_t moment, ompt_data_t *task, ompt_data_t *target, ompt_id_t *id,
                    ompt_target_data_op_t operation, void *source, int source_device, void *destination,
                    int destination_device, size_t bytes, const void *code)
{
    (void)task, (void)target, (void)id, (void)code, (void)source_device, (void)destination_device;
    uintptr_t from = (uintptr_t)source, to = (uintptr_t)destination;
    if (!watching)
        return;
    inside_openmp++;
    switch (operation) {
    case ompt_target_data_alloc:
        if (moment == ompt_scope_begin) {
            device_bytes_wanted = bytes;
            device_redzone = 0;
        } else {
            device_bytes_wanted = 0;
            mapped(from, to, bytes, device_redzone);
        }
        break;
    case ompt_target_data_delete:
        if (moment == ompt_scope_begin)
            unmapped(from);
        break;
    case ompt_target_data_transfer_to_device:
        if (moment == ompt_scope_begin)
            copied_in(from, to, bytes);
        break;
    case ompt_target_data_transfer_from_device:
        if (moment == ompt_scope_begin)
            copied_out(from, to, bytes);
        break;
    default:
        break;
    }
    inside_openmp--;
}

static void on_target(ompt_target_t kind, ompt_scope_endpoint_t moment, int device, ompt_data_t *task,
                      ompt_data_t *target_task, ompt_data_t *target, const void *code)
{
    (void)task, (void)target_task, (void)target, (void)code;
    if (moment == ompt_scope_begin && (kind == ompt_target || kind == ompt_target_nowait) && device >= 0)
        __atomic_fetch_add(&kernels_running, 1, __ATOMIC_ACQ_REL);
    if (moment == ompt_scope_end && (kind == ompt_target || kind == ompt_target_nowait) && device >= 0)
        __atomic_fetch_sub(&kernels_running, 1, __ATOMIC_ACQ_REL);
}

static void on_device(int number, const char *type, ompt_device_t *device, ompt_function_lookup_t lookup,
                      const char *documentation)
{
    (void)device, (void)lookup, (void)documentation;
    record("device\t%d\t%s", number, type);
}

static int begin(ompt_function_lookup_t lookup, int device, ompt_data_t *data)
{
    (void)device, (void)data;
    ompt_set_callback_t set = (ompt_set_callback_t)lookup("ompt_set_callback");
    set(ompt_callback_target_data_op_emi, (ompt_callback_t)on_data);
    set(ompt_callback_target_emi, (ompt_callback_t)on_target);
    set(ompt_callback_device_initialize, (ompt_callback_t)on_device);
    return 1;
}

static void end(ompt_data_t *data)
{
    (void)data;
}

EXPORT ompt_start_tool_result_t *ompt_start_tool(unsigned version, const char *runtime)
{
    static ompt_start_tool_result_t result = {begin, end, {0}};
    (void)version;
    record("runtime\t%s", runtime);
    return &result;
}
