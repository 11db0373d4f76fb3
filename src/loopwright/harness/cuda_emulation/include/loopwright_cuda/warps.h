// Warps of CUDA: 32 lanes; a mask says which of them take part.
#pragma once

#include "loopwright_cuda/device.h"

LOOPWRIGHT_CUDA_INLINE void __syncwarp(unsigned mask = 0xffffffffu) {
    loopwright_cuda_warp(loopwright_cuda::kSyncWarp, mask, nullptr, nullptr, 0, 0, 32);
}

#define LOOPWRIGHT_CUDA_SHUFFLE(name, kind, type)                                                  \
    template <class T>                                                                             \
    LOOPWRIGHT_CUDA_INLINE T name(unsigned mask, T value, type lane, int width = 32) {             \
        static_assert(std::is_arithmetic<T>::value && sizeof(T) <= 8, "a number is shuffled");     \
        T out;                                                                                     \
        loopwright_cuda_warp(loopwright_cuda::kind, mask, &value, &out, sizeof(T), (int)lane, width); \
        return out;                                                                                \
    }
LOOPWRIGHT_CUDA_SHUFFLE(__shfl_sync, kIdx, int)
LOOPWRIGHT_CUDA_SHUFFLE(__shfl_up_sync, kUp, unsigned)
LOOPWRIGHT_CUDA_SHUFFLE(__shfl_down_sync, kDown, unsigned)
LOOPWRIGHT_CUDA_SHUFFLE(__shfl_xor_sync, kXor, int)

LOOPWRIGHT_CUDA_INLINE unsigned __ballot_sync(unsigned mask, int p) {
    int value = p != 0;
    unsigned long long out;
    loopwright_cuda_warp(loopwright_cuda::kBallot, mask, &value, &out, sizeof value, 0, 32);
    return (unsigned)out;
}
LOOPWRIGHT_CUDA_INLINE int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
LOOPWRIGHT_CUDA_INLINE int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, !p) == 0; }
template <class T>
LOOPWRIGHT_CUDA_INLINE unsigned __match_any_sync(unsigned mask, T value) {
    unsigned long long out;
    loopwright_cuda_warp(loopwright_cuda::kMatchAny, mask, &value, &out, sizeof(T), 0, 32);
    return (unsigned)out;
}
// Which lanes run together is up to the hardware; that a lane runs alone is always a possible answer.
LOOPWRIGHT_CUDA_INLINE unsigned __activemask() {
    unsigned linear = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    return 1u << (linear % 32);
}
