// Wavefronts of HIP: 64 lanes; those take part that are active in the place of the call.
#pragma once

#include "loopwright_cuda/device.h"

#define __AMDGCN_WAVEFRONT_SIZE 64

#define LOOPWRIGHT_HIP_SHUFFLE(name, kind, type)                                                   \
    template <class T>                                                                             \
    LOOPWRIGHT_CUDA_INLINE T name(T value, type lane, int width = warpSize) {                      \
        static_assert(std::is_arithmetic<T>::value && sizeof(T) <= 8, "a number is shuffled");     \
        T out;                                                                                     \
        loopwright_cuda_warp(loopwright_cuda::kind | loopwright_cuda::kActive, ~0ull, &value, &out, \
                             sizeof(T), (int)lane, width);                                         \
        return out;                                                                                \
    }
LOOPWRIGHT_HIP_SHUFFLE(__shfl, kIdx, int)
LOOPWRIGHT_HIP_SHUFFLE(__shfl_up, kUp, unsigned)
LOOPWRIGHT_HIP_SHUFFLE(__shfl_down, kDown, unsigned)
LOOPWRIGHT_HIP_SHUFFLE(__shfl_xor, kXor, int)

LOOPWRIGHT_CUDA_INLINE unsigned long long __ballot(int p) {
    int value = p != 0;
    unsigned long long out;
    loopwright_cuda_warp(loopwright_cuda::kBallot | loopwright_cuda::kActive, ~0ull, &value, &out, sizeof value, 0, warpSize);
    return out;
}
LOOPWRIGHT_CUDA_INLINE int __any(int p) { return __ballot(p) != 0; }
LOOPWRIGHT_CUDA_INLINE int __all(int p) { return __ballot(!p) == 0; }
LOOPWRIGHT_CUDA_INLINE unsigned long long __activemask() { return __ballot(1); }
LOOPWRIGHT_CUDA_INLINE unsigned __lane_id() {
    return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % warpSize;
}
