/* The calls that instrumented code makes: ThreadSanitizer's for accesses, SanitizerCoverage's for blocks. */
#include <string.h>

#include "runtime.h"

#define HERE ((uintptr_t)__builtin_return_address(0))

static inline void seen(void *address, size_t bytes, int writes, int is_range, uintptr_t code)
{
    if (!watching)
        return;
    /* memcpy and memset stand for a loop over words. */
    count_step(code, 0, is_range ? bytes / sizeof(uint64_t) + 1 : 1);
    accessed((uintptr_t)address, bytes, writes, is_range, code);
}

/* ThreadSanitizer leaves out elements of arrays on the stack (LLVM 19), SanitizerCoverage does not; atomic
   operations, memcpy and the like only ThreadSanitizer tells of. */
#define SIZED(BYTES)                                                                      \
    EXPORT void __sanitizer_cov_load##BYTES(void *a) { seen(a, BYTES, 0, 0, HERE); }      \
    EXPORT void __sanitizer_cov_store##BYTES(void *a) { seen(a, BYTES, 1, 0, HERE); }
SIZED(1)
SIZED(2)
SIZED(4)
SIZED(8)
SIZED(16)

EXPORT void __tsan_init(void) {}
EXPORT void __tsan_func_entry(void *code) { (void)code; }
EXPORT void __tsan_func_exit(void)
{
    if (any_maps && side_of(HERE) == HOST_CODE)
        left_frame((uintptr_t)__builtin_frame_address(1)); /* both sides are compiled with frame pointers */
}
EXPORT void __tsan_ignore_thread_begin(void) {}
EXPORT void __tsan_ignore_thread_end(void) {}
EXPORT void __tsan_vptr_read(void *a) { seen(a, sizeof(void *), 0, 0, HERE); }
EXPORT void __tsan_vptr_update(void *a, void *value)
{
    (void)value;
    seen(a, sizeof(void *), 1, 0, HERE);
}
EXPORT void __tsan_read_range(void *a, size_t n) { seen(a, n, 0, 1, HERE); }
EXPORT void __tsan_write_range(void *a, size_t n) { seen(a, n, 1, 1, HERE); }
EXPORT void *__tsan_memset(void *a, int value, size_t n)
{
    seen(a, n, 1, 1, HERE);
    return memset(a, value, n);
}
EXPORT void *__tsan_memcpy(void *to, const void *from, size_t n)
{
    seen((void *)from, n, 0, 1, HERE);
    seen(to, n, 1, 1, HERE);
    return memcpy(to, from, n);
}
EXPORT void *__tsan_memmove(void *to, const void *from, size_t n)
{
    seen((void *)from, n, 0, 1, HERE);
    seen(to, n, 1, 1, HERE);
    return memmove(to, from, n);
}
EXPORT void __sanitizer_cov_trace_pc(void)
{
    if (watching)
        count_step(HERE, 1, 1);
}

/* Atomic operations are replaced by calls; every order is made the strongest. */
#define CHANGE(BITS, T, NAME, BUILTIN)                                       \
    EXPORT T __tsan_atomic##BITS##_##NAME(volatile T *a, T value, int order) \
    {                                                                        \
        (void)order;                                                         \
        seen((void *)a, sizeof(T), 0, 0, HERE);                              \
        seen((void *)a, sizeof(T), 1, 0, HERE);                              \
        return BUILTIN(a, value, __ATOMIC_SEQ_CST);                          \
    }
#define EXCHANGE(BITS, T, NAME)                                                                           \
    EXPORT int __tsan_atomic##BITS##_##NAME(volatile T *a, T *old, T value, int order, int on_failure)    \
    {                                                                                                     \
        (void)order, (void)on_failure;                                                                    \
        seen((void *)a, sizeof(T), 0, 0, HERE);                                                           \
        seen((void *)a, sizeof(T), 1, 0, HERE);                                                           \
        return __atomic_compare_exchange_n(a, old, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);         \
    }
#define ATOMICS(BITS, T)                                                                                   \
    EXPORT T __tsan_atomic##BITS##_load(const volatile T *a, int order)                                    \
    {                                                                                                      \
        (void)order;                                                                                       \
        seen((void *)a, sizeof(T), 0, 0, HERE);                                                            \
        return __atomic_load_n(a, __ATOMIC_SEQ_CST);                                                       \
    }                                                                                                      \
    EXPORT void __tsan_atomic##BITS##_store(volatile T *a, T value, int order)                             \
    {                                                                                                      \
        (void)order;                                                                                       \
        seen((void *)a, sizeof(T), 1, 0, HERE);                                                            \
        __atomic_store_n(a, value, __ATOMIC_SEQ_CST);                                                      \
    }                                                                                                      \
    CHANGE(BITS, T, exchange, __atomic_exchange_n)                                                         \
    CHANGE(BITS, T, fetch_add, __atomic_fetch_add)                                                         \
    CHANGE(BITS, T, fetch_sub, __atomic_fetch_sub)                                                         \
    CHANGE(BITS, T, fetch_and, __atomic_fetch_and)                                                         \
    CHANGE(BITS, T, fetch_or, __atomic_fetch_or)                                                           \
    CHANGE(BITS, T, fetch_xor, __atomic_fetch_xor)                                                         \
    CHANGE(BITS, T, fetch_nand, __atomic_fetch_nand)                                                       \
    EXCHANGE(BITS, T, compare_exchange_strong)                                                             \
    EXCHANGE(BITS, T, compare_exchange_weak)                                                               \
    EXPORT T __tsan_atomic##BITS##_compare_exchange_val(volatile T *a, T old, T value, int order, int fail) \
    {                                                                                                      \
        (void)order, (void)fail;                                                                           \
        seen((void *)a, sizeof(T), 0, 0, HERE);                                                            \
        seen((void *)a, sizeof(T), 1, 0, HERE);                                                            \
        __atomic_compare_exchange_n(a, &old, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                \
        return old;                                                                                        \
    }
ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

EXPORT void __tsan_atomic_thread_fence(int order)
{
    (void)order;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
EXPORT void __tsan_atomic_signal_fence(int order)
{
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
