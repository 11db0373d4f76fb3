// What kernels call: barriers, warp intrinsics, atomics, fences, a few functions of arithmetic.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "loopwright_cuda/types.h"

// __shared__, __noinline__ and __device__ on variables are replaced by the rewriter.
#define __global__ __attribute__((noinline))
#define __device__
#define __host__
#define __constant__ __attribute__((section("lw_constant")))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__

// Barriers of two branches must not become one: that they differ is what is to be found.
#ifdef __clang__
#define LOOPWRIGHT_CUDA_BARRIER __attribute__((nomerge))
#else
#define LOOPWRIGHT_CUDA_BARRIER
#endif

extern "C" {
LOOPWRIGHT_CUDA_BARRIER int loopwright_cuda_barrier(int kind, int value);
LOOPWRIGHT_CUDA_BARRIER void loopwright_cuda_warp(int kind, unsigned long long mask, const void *in, void *out, unsigned size, int lane, int width);
void loopwright_cuda_atomic(volatile void *address, unsigned size, void *old);
void loopwright_cuda_atomic_store(volatile void *address, unsigned size, const void *value);
void loopwright_cuda_fence(void);
extern char loopwright_cuda_dynamic_shared[];
long long loopwright_cuda_clock(void);
}

namespace loopwright_cuda {
enum Barrier { kSync, kCount, kAnd, kOr };
enum Warp { kSyncWarp, kIdx, kUp, kDown, kXor, kBallot, kMatchAny, kActive = 16 };
}  // namespace loopwright_cuda

LOOPWRIGHT_CUDA_INLINE void __syncthreads() { loopwright_cuda_barrier(loopwright_cuda::kSync, 0); }
LOOPWRIGHT_CUDA_INLINE int __syncthreads_count(int p) { return loopwright_cuda_barrier(loopwright_cuda::kCount, p); }
LOOPWRIGHT_CUDA_INLINE int __syncthreads_and(int p) { return loopwright_cuda_barrier(loopwright_cuda::kAnd, p); }
LOOPWRIGHT_CUDA_INLINE int __syncthreads_or(int p) { return loopwright_cuda_barrier(loopwright_cuda::kOr, p); }
LOOPWRIGHT_CUDA_INLINE void __threadfence() { loopwright_cuda_fence(); }
LOOPWRIGHT_CUDA_INLINE void __threadfence_block() { loopwright_cuda_fence(); }
LOOPWRIGHT_CUDA_INLINE void __threadfence_system() { loopwright_cuda_fence(); }

// Which lanes run together is the one thing in which the devices of CUDA and of HIP differ for a kernel.
#ifdef LOOPWRIGHT_HIP
#include "loopwright_cuda/wavefronts.h"
#else
#include "loopwright_cuda/warps.h"
#endif

// One system thread runs everything, so that an ordinary update is atomic; the runtime is told that it is one.
#define LOOPWRIGHT_CUDA_UPDATE(name, expression)                                                   \
    template <class T, class U>                                                                    \
    LOOPWRIGHT_CUDA_INLINE T name(T *address, U argument) {                                        \
        static_assert(std::is_arithmetic<T>::value && sizeof(T) <= 8, "a number is updated");      \
        T operand = (T)argument, old, changed;                                                     \
        loopwright_cuda_atomic(address, sizeof(T), &old);                                          \
        changed = (T)(expression);                                                                 \
        loopwright_cuda_atomic_store(address, sizeof(T), &changed);                                \
        return old;                                                                                \
    }                                                                                              \
    template <class T, class U>                                                                    \
    LOOPWRIGHT_CUDA_INLINE T name##_block(T *address, U operand) { return name(address, operand); } \
    template <class T, class U>                                                                    \
    LOOPWRIGHT_CUDA_INLINE T name##_system(T *address, U operand) { return name(address, operand); }
LOOPWRIGHT_CUDA_UPDATE(atomicAdd, old + operand)
LOOPWRIGHT_CUDA_UPDATE(atomicSub, old - operand)
LOOPWRIGHT_CUDA_UPDATE(atomicExch, operand)
LOOPWRIGHT_CUDA_UPDATE(atomicMin, operand < old ? operand : old)
LOOPWRIGHT_CUDA_UPDATE(atomicMax, operand > old ? operand : old)
LOOPWRIGHT_CUDA_UPDATE(atomicInc, old >= operand ? 0 : old + 1)
LOOPWRIGHT_CUDA_UPDATE(atomicDec, old == 0 || old > operand ? operand : old - 1)
LOOPWRIGHT_CUDA_UPDATE(atomicAnd, old & operand)
LOOPWRIGHT_CUDA_UPDATE(atomicOr, old | operand)
LOOPWRIGHT_CUDA_UPDATE(atomicXor, old ^ operand)

template <class T, class U, class V>
LOOPWRIGHT_CUDA_INLINE T atomicCAS(T *address, U compare, V value) {
    T old, changed;
    loopwright_cuda_atomic(address, sizeof(T), &old);
    changed = old == (T)compare ? (T)value : old;
    loopwright_cuda_atomic_store(address, sizeof(T), &changed);
    return old;
}

template <class T>
LOOPWRIGHT_CUDA_INLINE T __ldg(const T *address) { return *address; }

LOOPWRIGHT_CUDA_INLINE int __popc(unsigned v) { return __builtin_popcount(v); }
LOOPWRIGHT_CUDA_INLINE int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
LOOPWRIGHT_CUDA_INLINE int __clz(int v) { return v == 0 ? 32 : __builtin_clz((unsigned)v); }
LOOPWRIGHT_CUDA_INLINE int __clzll(long long v) { return v == 0 ? 64 : __builtin_clzll((unsigned long long)v); }
LOOPWRIGHT_CUDA_INLINE int __ffs(int v) { return __builtin_ffs(v); }
LOOPWRIGHT_CUDA_INLINE int __ffsll(long long v) { return __builtin_ffsll(v); }
LOOPWRIGHT_CUDA_INLINE float rsqrtf(float v) { return 1.0f / std::sqrt(v); }
LOOPWRIGHT_CUDA_INLINE double rsqrt(double v) { return 1.0 / std::sqrt(v); }
LOOPWRIGHT_CUDA_INLINE float __fdividef(float a, float b) { return a / b; }
// The C library has functions of these names, which it does not offer.
#define __expf(v) std::exp((float)(v))
#define __logf(v) std::log((float)(v))
#define __sinf(v) std::sin((float)(v))
#define __cosf(v) std::cos((float)(v))
#define __powf(a, b) std::pow((float)(a), (float)(b))
LOOPWRIGHT_CUDA_INLINE float __saturatef(float v) { return v < 0 ? 0 : v > 1 ? 1 : v; }
LOOPWRIGHT_CUDA_INLINE int __mul24(int a, int b) { return a * b; }
LOOPWRIGHT_CUDA_INLINE unsigned __umul24(unsigned a, unsigned b) { return a * b; }
LOOPWRIGHT_CUDA_INLINE int __float2int_rn(float v) { return (int)std::nearbyint(v); }
LOOPWRIGHT_CUDA_INLINE int __float2int_rz(float v) { return (int)v; }
LOOPWRIGHT_CUDA_INLINE float __int2float_rn(int v) { return (float)v; }
LOOPWRIGHT_CUDA_INLINE int __float_as_int(float v) { return __builtin_bit_cast(int, v); }
LOOPWRIGHT_CUDA_INLINE unsigned __float_as_uint(float v) { return __builtin_bit_cast(unsigned, v); }
LOOPWRIGHT_CUDA_INLINE float __int_as_float(int v) { return __builtin_bit_cast(float, v); }
LOOPWRIGHT_CUDA_INLINE float __uint_as_float(unsigned v) { return __builtin_bit_cast(float, v); }
LOOPWRIGHT_CUDA_INLINE long long __double_as_longlong(double v) { return __builtin_bit_cast(long long, v); }
LOOPWRIGHT_CUDA_INLINE double __longlong_as_double(long long v) { return __builtin_bit_cast(double, v); }
LOOPWRIGHT_CUDA_INLINE long long clock64() { return loopwright_cuda_clock(); }

// CUDA has these without std::, for all numbers.
template <class A, class B>
LOOPWRIGHT_CUDA_INLINE constexpr typename std::enable_if<
    std::is_arithmetic<A>::value && std::is_arithmetic<B>::value, typename std::common_type<A, B>::type>::type
min(A a, B b) {
    using C = typename std::common_type<A, B>::type;
    return (C)b < (C)a ? (C)b : (C)a;
}
template <class A, class B>
LOOPWRIGHT_CUDA_INLINE constexpr typename std::enable_if<
    std::is_arithmetic<A>::value && std::is_arithmetic<B>::value, typename std::common_type<A, B>::type>::type
max(A a, B b) {
    using C = typename std::common_type<A, B>::type;
    return (C)a < (C)b ? (C)b : (C)a;
}
