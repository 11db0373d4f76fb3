// Vector types and indices of CUDA C++.
#pragma once

#include <cstddef>
#include <cstdint>

#define LOOPWRIGHT_CUDA_INLINE static inline __attribute__((always_inline))

struct uint3 { unsigned x, y, z; };

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
    constexpr operator uint3() const { return {x, y, z}; }
};

#define LOOPWRIGHT_CUDA_VECTORS(T, base, a2, a4)                                                   \
    struct T##1 { base x; };                                                                       \
    struct __attribute__((aligned(a2))) T##2 { base x, y; };                                       \
    LOOPWRIGHT_CUDA_##T##3                                                                         \
    struct __attribute__((aligned(a4))) T##4 { base x, y, z, w; };                                 \
    static inline T##1 make_##T##1(base x) { return {x}; }                                         \
    static inline T##2 make_##T##2(base x, base y) { return {x, y}; }                              \
    static inline T##3 make_##T##3(base x, base y, base z) { return {x, y, z}; }                   \
    static inline T##4 make_##T##4(base x, base y, base z, base w) { return {x, y, z, w}; }
#define LOOPWRIGHT_CUDA_char3 struct char3 { signed char x, y, z; };
#define LOOPWRIGHT_CUDA_uchar3 struct uchar3 { unsigned char x, y, z; };
#define LOOPWRIGHT_CUDA_short3 struct short3 { short x, y, z; };
#define LOOPWRIGHT_CUDA_ushort3 struct ushort3 { unsigned short x, y, z; };
#define LOOPWRIGHT_CUDA_int3 struct int3 { int x, y, z; };
#define LOOPWRIGHT_CUDA_uint3
#define LOOPWRIGHT_CUDA_longlong3 struct longlong3 { long long x, y, z; };
#define LOOPWRIGHT_CUDA_ulonglong3 struct ulonglong3 { unsigned long long x, y, z; };
#define LOOPWRIGHT_CUDA_float3 struct float3 { float x, y, z; };
#define LOOPWRIGHT_CUDA_double3 struct double3 { double x, y, z; };

LOOPWRIGHT_CUDA_VECTORS(char, signed char, 2, 4)
LOOPWRIGHT_CUDA_VECTORS(uchar, unsigned char, 2, 4)
LOOPWRIGHT_CUDA_VECTORS(short, short, 4, 8)
LOOPWRIGHT_CUDA_VECTORS(ushort, unsigned short, 4, 8)
LOOPWRIGHT_CUDA_VECTORS(int, int, 8, 16)
LOOPWRIGHT_CUDA_VECTORS(uint, unsigned, 8, 16)
LOOPWRIGHT_CUDA_VECTORS(longlong, long long, 16, 16)
LOOPWRIGHT_CUDA_VECTORS(ulonglong, unsigned long long, 16, 16)
LOOPWRIGHT_CUDA_VECTORS(float, float, 8, 16)
LOOPWRIGHT_CUDA_VECTORS(double, double, 16, 16)

// The runtime changes them when another thread gets its turn; for the code of one thread they are constant.
extern const uint3 threadIdx;
extern const uint3 blockIdx;
extern const dim3 blockDim;
extern const dim3 gridDim;

// Lanes that run together: a warp of CUDA; for HIP a wavefront of the devices that have 64 (gfx90a and its kin).
#ifdef LOOPWRIGHT_HIP
constexpr int warpSize = 64;
#define LOOPWRIGHT_CUDA_LANES 64
#else
extern const int warpSize;
#define LOOPWRIGHT_CUDA_LANES 32
#endif
