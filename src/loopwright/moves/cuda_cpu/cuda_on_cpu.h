// What a CUDA program translated for processors still uses of CUDA: memory is the host's own, calls return
// when they are done, and nothing of NVIDIA's is needed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <vector>

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

constexpr int warpSize = 32;

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind {
    cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault
};

// Memory -----------------------------------------------------------------------------------------

template <typename T>
cudaError_t cudaMalloc(T **address, size_t bytes) {
    *address = static_cast<T *>(std::malloc(bytes ? bytes : 1));
    return *address ? cudaSuccess : cudaErrorMemoryAllocation;
}
template <typename T>
cudaError_t cudaMallocHost(T **address, size_t bytes) { return cudaMalloc(address, bytes); }
template <typename T>
cudaError_t cudaMallocManaged(T **address, size_t bytes) { return cudaMalloc(address, bytes); }

inline cudaError_t cudaFree(void *address) {
    std::free(address);
    return cudaSuccess;
}
inline cudaError_t cudaFreeHost(void *address) { return cudaFree(address); }

inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind) {
    if (bytes) std::memmove(to, from, bytes);
    return cudaSuccess;
}
inline cudaError_t cudaMemset(void *address, int value, size_t bytes) {
    if (bytes) std::memset(address, value, bytes);
    return cudaSuccess;
}
template <typename T>
cudaError_t cudaMemcpyToSymbol(T &symbol, const void *from, size_t bytes, size_t offset = 0) {
    return cudaMemcpy(reinterpret_cast<char *>(&symbol) + offset, from, bytes, cudaMemcpyHostToHost);
}
template <typename T>
cudaError_t cudaMemcpyFromSymbol(void *to, const T &symbol, size_t bytes, size_t offset = 0) {
    return cudaMemcpy(to, reinterpret_cast<const char *>(&symbol) + offset, bytes, cudaMemcpyHostToHost);
}

// Errors: a kernel is a function call, which does not fail ------------------------------------------

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaPeekAtLastError() { return cudaSuccess; }
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaDeviceReset() { return cudaSuccess; }
inline const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaSuccess ? "no error" : error == cudaErrorMemoryAllocation ? "out of memory" : "invalid value";
}
inline const char *cudaGetErrorName(cudaError_t error) {
    return error == cudaSuccess                 ? "cudaSuccess"
           : error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation"
                                                : "cudaErrorInvalidValue";
}

// Atomic updates; each gives back what was there before ---------------------------------------------

template <typename T, typename Update>
T atomic_update(T *address, Update updated) {
    static_assert(std::is_arithmetic<T>::value && sizeof(T) <= 8, "a number is updated");
    T before, after;
    __atomic_load(address, &before, __ATOMIC_RELAXED);
    do {
        after = updated(before);
    } while (!__atomic_compare_exchange(address, &before, &after, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return before;
}
template <typename T, typename V>
T atomicAdd(T *address, V argument) {
    const T value = static_cast<T>(argument);
    T before;
#pragma omp atomic capture
    {
        before = *address;
        *address += value;
    }
    return before;
}
template <typename T, typename V>
T atomicSub(T *address, V value) { return atomic_update(address, [=](T old) { return static_cast<T>(old - static_cast<T>(value)); }); }
template <typename T, typename V>
T atomicExch(T *address, V value) { return atomic_update(address, [=](T) { return static_cast<T>(value); }); }
template <typename T, typename V>
T atomicMin(T *address, V value) { return atomic_update(address, [=](T old) { return std::min(old, static_cast<T>(value)); }); }
template <typename T, typename V>
T atomicMax(T *address, V value) { return atomic_update(address, [=](T old) { return std::max(old, static_cast<T>(value)); }); }
template <typename T, typename V>
T atomicAnd(T *address, V value) { return atomic_update(address, [=](T old) { return static_cast<T>(old & value); }); }
template <typename T, typename V>
T atomicOr(T *address, V value) { return atomic_update(address, [=](T old) { return static_cast<T>(old | value); }); }
template <typename T, typename V>
T atomicXor(T *address, V value) { return atomic_update(address, [=](T old) { return static_cast<T>(old ^ value); }); }
inline unsigned atomicInc(unsigned *address, unsigned last) {
    return atomic_update(address, [=](unsigned old) { return old >= last ? 0 : old + 1; });
}
inline unsigned atomicDec(unsigned *address, unsigned last) {
    return atomic_update(address, [=](unsigned old) { return old == 0 || old > last ? last : old - 1; });
}
template <typename T, typename C, typename V>
T atomicCAS(T *address, C expected, V value) {
    return atomic_update(address, [=](T old) { return old == static_cast<T>(expected) ? static_cast<T>(value) : old; });
}

// Variables of other threads of a warp, out of a copy with an element a thread -----------------------

template <typename T>
T lane_value(const std::vector<T> &before, size_t thread, int lane, int width = warpSize) {
    const size_t from = thread / width * width + (static_cast<unsigned>(lane) % width);
    return from < before.size() ? before[from] : before[thread];
}
template <typename T>
T lane_below(const std::vector<T> &before, size_t thread, unsigned down, int width = warpSize) {
    const size_t from = thread + down;
    return thread % width + down < static_cast<size_t>(width) && from < before.size() ? before[from] : before[thread];
}
template <typename T>
T lane_above(const std::vector<T> &before, size_t thread, unsigned up, int width = warpSize) {
    return thread % width >= up ? before[thread - up] : before[thread];
}
template <typename T>
T lane_across(const std::vector<T> &before, size_t thread, int mask, int width = warpSize) {
    const size_t lane = (thread % warpSize) ^ static_cast<unsigned>(mask), from = thread - thread % warpSize + lane;
    const bool within = lane / width <= thread % warpSize / width;
    return within && from < before.size() ? before[from] : before[thread];
}

// Arithmetic that CUDA has without std:: -------------------------------------------------------------

template <typename A, typename B, typename C = typename std::common_type<A, B>::type>
constexpr typename std::enable_if<std::is_arithmetic<A>::value && std::is_arithmetic<B>::value, C>::type min(A a, B b) {
    return static_cast<C>(b) < static_cast<C>(a) ? static_cast<C>(b) : static_cast<C>(a);
}
template <typename A, typename B, typename C = typename std::common_type<A, B>::type>
constexpr typename std::enable_if<std::is_arithmetic<A>::value && std::is_arithmetic<B>::value, C>::type max(A a, B b) {
    return static_cast<C>(a) < static_cast<C>(b) ? static_cast<C>(b) : static_cast<C>(a);
}
template <typename T>
T __ldg(const T *address) { return *address; }
inline float rsqrtf(float value) { return 1.0f / std::sqrt(value); }
inline double rsqrt(double value) { return 1.0 / std::sqrt(value); }
