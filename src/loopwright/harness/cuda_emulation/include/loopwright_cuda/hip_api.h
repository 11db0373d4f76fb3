// The part of the HIP runtime API that is emulated. What is missing here does not compile.
// Errors and kinds of copies have the same numbers in HIP and in CUDA.
#pragma once

#include <cstring>

#include "loopwright_cuda/api.h"

#define HIP_SYMBOL(name) name

typedef cudaError_t hipError_t;
typedef cudaMemcpyKind hipMemcpyKind;
typedef cudaStream_t hipStream_t;
typedef cudaEvent_t hipEvent_t;

constexpr hipError_t hipSuccess = cudaSuccess;
constexpr hipError_t hipErrorInvalidValue = cudaErrorInvalidValue;
constexpr hipError_t hipErrorOutOfMemory = cudaErrorMemoryAllocation;
constexpr hipError_t hipErrorMemoryAllocation = cudaErrorMemoryAllocation;
constexpr hipError_t hipErrorInvalidConfiguration = cudaErrorInvalidConfiguration;
constexpr hipError_t hipErrorInvalidSymbol = cudaErrorInvalidSymbol;
constexpr hipError_t hipErrorInvalidMemcpyDirection = cudaErrorInvalidMemcpyDirection;
constexpr hipError_t hipErrorNoDevice = cudaErrorNoDevice;
constexpr hipError_t hipErrorInvalidDevice = cudaErrorInvalidDevice;
constexpr hipError_t hipErrorInvalidHandle = cudaErrorInvalidResourceHandle;
constexpr hipError_t hipErrorInvalidResourceHandle = cudaErrorInvalidResourceHandle;

constexpr hipMemcpyKind hipMemcpyHostToHost = cudaMemcpyHostToHost;
constexpr hipMemcpyKind hipMemcpyHostToDevice = cudaMemcpyHostToDevice;
constexpr hipMemcpyKind hipMemcpyDeviceToHost = cudaMemcpyDeviceToHost;
constexpr hipMemcpyKind hipMemcpyDeviceToDevice = cudaMemcpyDeviceToDevice;
constexpr hipMemcpyKind hipMemcpyDefault = cudaMemcpyDefault;

#define hipStreamDefault 0u
#define hipStreamNonBlocking 1u
#define hipEventDefault 0u
#define hipEventBlockingSync 1u
#define hipEventDisableTiming 2u
#define hipHostMallocDefault 0u
#define hipHostMallocPortable 1u
#define hipHostMallocMapped 2u
#define hipMemAttachGlobal 1u

struct hipDeviceProp_t {
    char name[256];
    size_t totalGlobalMem, sharedMemPerBlock, totalConstMem;
    int regsPerBlock, warpSize, maxThreadsPerBlock, maxThreadsDim[3], maxGridSize[3];
    int multiProcessorCount, maxThreadsPerMultiProcessor, concurrentKernels;
    size_t maxSharedMemoryPerMultiProcessor;
    char gcnArchName[256];
};

inline const char *hipGetErrorName(hipError_t error) {
    switch (error) {
    case hipSuccess: return "hipSuccess";
    case hipErrorInvalidValue: return "hipErrorInvalidValue";
    case hipErrorOutOfMemory: return "hipErrorOutOfMemory";
    case hipErrorInvalidConfiguration: return "hipErrorInvalidConfiguration";
    case hipErrorInvalidSymbol: return "hipErrorInvalidSymbol";
    case hipErrorInvalidMemcpyDirection: return "hipErrorInvalidMemcpyDirection";
    case hipErrorNoDevice: return "hipErrorNoDevice";
    case hipErrorInvalidDevice: return "hipErrorInvalidDevice";
    case hipErrorInvalidHandle: return "hipErrorInvalidHandle";
    }
    return "hipErrorUnknown";
}
inline const char *hipGetErrorString(hipError_t error) { return error == hipSuccess ? "no error" : hipGetErrorName(error); }
inline hipError_t hipGetLastError() { return cudaGetLastError(); }
inline hipError_t hipPeekAtLastError() { return cudaPeekAtLastError(); }

LOOPWRIGHT_CUDA_INLINE hipError_t hipFree(void *address) { return loopwright_cuda_free("hipFree", address); }
LOOPWRIGHT_CUDA_INLINE hipError_t hipHostFree(void *address) { return loopwright_cuda_free("hipHostFree", address); }
LOOPWRIGHT_CUDA_INLINE hipError_t hipFreeAsync(void *address, hipStream_t) { return loopwright_cuda_free("hipFreeAsync", address); }
template <class T>
hipError_t hipMalloc(T **address, size_t size) { return cudaMalloc(address, size); }
template <class T>
hipError_t hipMallocAsync(T **address, size_t size, hipStream_t) { return cudaMalloc(address, size); }
template <class T>
hipError_t hipMallocManaged(T **address, size_t size, unsigned = hipMemAttachGlobal) { return cudaMallocManaged(address, size); }
template <class T>
hipError_t hipHostMalloc(T **address, size_t size, unsigned = hipHostMallocDefault) { return cudaMallocHost(address, size); }
template <class T>
hipError_t hipMallocPitch(T **address, size_t *pitch, size_t width, size_t height) { return cudaMallocPitch(address, pitch, width, height); }

LOOPWRIGHT_CUDA_INLINE hipError_t hipMemcpy(void *to, const void *from, size_t size, hipMemcpyKind kind) {
    return loopwright_cuda_copy("hipMemcpy", to, from, size, kind);
}
LOOPWRIGHT_CUDA_INLINE hipError_t hipMemcpyAsync(void *to, const void *from, size_t size, hipMemcpyKind kind, hipStream_t = nullptr) {
    return loopwright_cuda_copy("hipMemcpyAsync", to, from, size, kind);
}
LOOPWRIGHT_CUDA_INLINE hipError_t hipMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, hipMemcpyKind kind) {
    return loopwright_cuda_copy_rows("hipMemcpy2D", to, to_pitch, from, from_pitch, width, height, kind);
}
LOOPWRIGHT_CUDA_INLINE hipError_t hipMemset(void *address, int value, size_t size) {
    return loopwright_cuda_fill("hipMemset", address, value, size);
}
LOOPWRIGHT_CUDA_INLINE hipError_t hipMemsetAsync(void *address, int value, size_t size, hipStream_t = nullptr) {
    return loopwright_cuda_fill("hipMemsetAsync", address, value, size);
}
template <class T>
hipError_t hipMemcpyToSymbol(T &symbol, const void *from, size_t size, size_t offset = 0, hipMemcpyKind = hipMemcpyHostToDevice) {
    return loopwright_cuda_copy("hipMemcpyToSymbol", (char *)&symbol + offset, from, size, hipMemcpyDefault);
}
template <class T>
hipError_t hipMemcpyFromSymbol(void *to, T &symbol, size_t size, size_t offset = 0, hipMemcpyKind = hipMemcpyDeviceToHost) {
    return loopwright_cuda_copy("hipMemcpyFromSymbol", to, (const char *)&symbol + offset, size, hipMemcpyDefault);
}
template <class T>
hipError_t hipGetSymbolAddress(void **address, T &symbol) { return cudaGetSymbolAddress(address, symbol); }

inline hipError_t hipDeviceSynchronize() { return cudaDeviceSynchronize(); }
inline hipError_t hipDeviceReset() { return cudaDeviceReset(); }
inline hipError_t hipGetDeviceCount(int *count) { return cudaGetDeviceCount(count); }
inline hipError_t hipGetDevice(int *device) { return cudaGetDevice(device); }
inline hipError_t hipSetDevice(int device) { return cudaSetDevice(device); }
inline hipError_t hipMemGetInfo(size_t *available, size_t *total) { return cudaMemGetInfo(available, total); }
inline hipError_t hipGetDeviceProperties(hipDeviceProp_t *p, int device) {
    cudaDeviceProp known;
    hipError_t error = cudaGetDeviceProperties(&known, device);
    if (error != hipSuccess) return error;
    std::memset(p, 0, sizeof *p);
    std::memcpy(p->name, known.name, sizeof p->name);
    p->totalGlobalMem = known.totalGlobalMem;
    p->sharedMemPerBlock = p->maxSharedMemoryPerMultiProcessor = 64 << 10;
    p->totalConstMem = known.totalConstMem;
    p->regsPerBlock = known.regsPerBlock;
    p->warpSize = LOOPWRIGHT_CUDA_LANES;
    p->maxThreadsPerBlock = known.maxThreadsPerBlock;
    p->maxThreadsPerMultiProcessor = known.maxThreadsPerMultiProcessor;
    for (int i = 0; i < 3; i++) p->maxThreadsDim[i] = 1024, p->maxGridSize[i] = 2147483647;
    p->multiProcessorCount = known.multiProcessorCount;
    p->concurrentKernels = known.concurrentKernels;
    std::strcpy(p->gcnArchName, "gfx90a");
    return hipSuccess;
}

inline hipError_t hipStreamCreate(hipStream_t *stream) { return cudaStreamCreate(stream); }
inline hipError_t hipStreamCreateWithFlags(hipStream_t *stream, unsigned flags) { return cudaStreamCreateWithFlags(stream, flags); }
inline hipError_t hipStreamDestroy(hipStream_t stream) { return cudaStreamDestroy(stream); }
inline hipError_t hipStreamSynchronize(hipStream_t stream) { return cudaStreamSynchronize(stream); }
inline hipError_t hipStreamQuery(hipStream_t stream) { return cudaStreamQuery(stream); }
inline hipError_t hipStreamWaitEvent(hipStream_t stream, hipEvent_t event, unsigned flags) { return cudaStreamWaitEvent(stream, event, flags); }
inline hipError_t hipEventCreate(hipEvent_t *event) { return cudaEventCreate(event); }
inline hipError_t hipEventCreateWithFlags(hipEvent_t *event, unsigned flags) { return cudaEventCreateWithFlags(event, flags); }
inline hipError_t hipEventRecord(hipEvent_t event, hipStream_t stream = nullptr) { return cudaEventRecord(event, stream); }
inline hipError_t hipEventSynchronize(hipEvent_t event) { return cudaEventSynchronize(event); }
inline hipError_t hipEventQuery(hipEvent_t event) { return cudaEventQuery(event); }
inline hipError_t hipEventElapsedTime(float *milliseconds, hipEvent_t start, hipEvent_t end) { return cudaEventElapsedTime(milliseconds, start, end); }
inline hipError_t hipEventDestroy(hipEvent_t event) { return cudaEventDestroy(event); }
