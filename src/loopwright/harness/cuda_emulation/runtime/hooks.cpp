// What the compiler calls before each access, under -fsanitize=thread (the interface of LLVM's and GCC's
// ThreadSanitizer, which this runtime takes the place of).
#include <cstdarg>

#include "state.h"

using namespace loopwright_cuda;

#define PC uintptr_t(__builtin_return_address(0))
#define HOOKS(size)                                                                                    \
    void __tsan_read##size(void *a) { touch(uintptr_t(a), size, false, false, PC); }                   \
    void __tsan_write##size(void *a) { touch(uintptr_t(a), size, true, false, PC); }                   \
    void __tsan_unaligned_read##size(void *a) { touch(uintptr_t(a), size, false, false, PC); }         \
    void __tsan_unaligned_write##size(void *a) { touch(uintptr_t(a), size, true, false, PC); }         \
    void __tsan_volatile_read##size(void *a) { touch(uintptr_t(a), size, false, false, PC); }          \
    void __tsan_volatile_write##size(void *a) { touch(uintptr_t(a), size, true, false, PC); }          \
    void __tsan_read_write##size(void *a) { touch(uintptr_t(a), size, true, false, PC); }              \
    void __tsan_unaligned_read_write##size(void *a) { touch(uintptr_t(a), size, true, false, PC); }

// Atomics of the host's C++ library, which a kernel has no business with.
#define ATOMICS(bits, T)                                                                               \
    T __tsan_atomic##bits##_load(const volatile T *a, int) { return __atomic_load_n(a, __ATOMIC_SEQ_CST); } \
    void __tsan_atomic##bits##_store(volatile T *a, T v, int) { __atomic_store_n(a, v, __ATOMIC_SEQ_CST); } \
    T __tsan_atomic##bits##_exchange(volatile T *a, T v, int) { return __atomic_exchange_n(a, v, __ATOMIC_SEQ_CST); } \
    T __tsan_atomic##bits##_fetch_add(volatile T *a, T v, int) { return __atomic_fetch_add(a, v, __ATOMIC_SEQ_CST); } \
    T __tsan_atomic##bits##_fetch_sub(volatile T *a, T v, int) { return __atomic_fetch_sub(a, v, __ATOMIC_SEQ_CST); } \
    T __tsan_atomic##bits##_fetch_and(volatile T *a, T v, int) { return __atomic_fetch_and(a, v, __ATOMIC_SEQ_CST); } \
    T __tsan_atomic##bits##_fetch_or(volatile T *a, T v, int) { return __atomic_fetch_or(a, v, __ATOMIC_SEQ_CST); } \
    T __tsan_atomic##bits##_fetch_xor(volatile T *a, T v, int) { return __atomic_fetch_xor(a, v, __ATOMIC_SEQ_CST); } \
    T __tsan_atomic##bits##_fetch_nand(volatile T *a, T v, int) { return __atomic_fetch_nand(a, v, __ATOMIC_SEQ_CST); } \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile T *a, T *c, T v, int, int) {            \
        return __atomic_compare_exchange_n(a, c, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
    }                                                                                                  \
    int __tsan_atomic##bits##_compare_exchange_weak(volatile T *a, T *c, T v, int, int) {              \
        return __atomic_compare_exchange_n(a, c, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
    }                                                                                                  \
    T __tsan_atomic##bits##_compare_exchange_val(volatile T *a, T c, T v, int, int) {                  \
        __atomic_compare_exchange_n(a, &c, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);              \
        return c;                                                                                      \
    }

namespace {
void range(const void *address, size_t size, bool write, uintptr_t pc) {
    uintptr_t at = uintptr_t(address);
    if (!size) return;
    if (!machine.in_kernel) {
        touch(at, 1, write, false, pc);
        touch(at + size - 1, 1, write, false, pc);
        return;
    }
    size_t step = at % 4 || size % 4 ? 1 : 4;
    for (size_t i = 0; i < size; i += step) touch(at + i, step, write, false, pc);
}
}  // namespace

extern "C" {

HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
ATOMICS(8, unsigned char)
ATOMICS(16, unsigned short)
ATOMICS(32, unsigned)
ATOMICS(64, unsigned long)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) {}

void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void **, void *) {}
void __tsan_vptr_read(void **) {}
void __tsan_read_range(void *a, size_t size) { range(a, size, false, PC); }
void __tsan_write_range(void *a, size_t size) { range(a, size, true, PC); }

// clang alone calls these; with gcc, copies by memcpy in a kernel are not watched.
void *__tsan_memcpy(void *to, const void *from, size_t size) {
    range(from, size, false, PC);
    range(to, size, true, PC);
    return memcpy(to, from, size);
}
void *__tsan_memmove(void *to, const void *from, size_t size) {
    range(from, size, false, PC);
    range(to, size, true, PC);
    return memmove(to, from, size);
}
void *__tsan_memset(void *to, int value, size_t size) {
    range(to, size, true, PC);
    return memset(to, value, size);
}

}  // extern "C"
