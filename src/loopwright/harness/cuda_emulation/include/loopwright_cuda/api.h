// The part of the CUDA runtime API that is emulated. What is missing here does not compile.
#pragma once

#include <cstddef>

#include "loopwright_cuda/types.h"

enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorInvalidSymbol = 13,
    cudaErrorInvalidMemcpyDirection = 21,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorInvalidResourceHandle = 400,
};
typedef enum cudaError_t cudaError;

enum cudaMemcpyKind {
    cudaMemcpyHostToHost = 0,
    cudaMemcpyHostToDevice = 1,
    cudaMemcpyDeviceToHost = 2,
    cudaMemcpyDeviceToDevice = 3,
    cudaMemcpyDefault = 4,
};

typedef struct loopwright_cuda_stream *cudaStream_t;
typedef struct loopwright_cuda_event *cudaEvent_t;

struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem, sharedMemPerBlock, totalConstMem;
    int regsPerBlock, warpSize, maxThreadsPerBlock, maxThreadsDim[3], maxGridSize[3];
    int major, minor, multiProcessorCount, maxThreadsPerMultiProcessor, concurrentKernels;
    size_t sharedMemPerMultiprocessor, sharedMemPerBlockOptin;
};

#define cudaStreamDefault 0u
#define cudaStreamNonBlocking 1u
#define cudaEventDefault 0u
#define cudaEventBlockingSync 1u
#define cudaEventDisableTiming 2u
#define cudaMemAttachGlobal 1u
#define cudaHostAllocDefault 0u
#define cudaHostAllocPortable 1u
#define cudaHostAllocMapped 2u

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaFuncCache { cudaFuncCachePreferNone, cudaFuncCachePreferShared, cudaFuncCachePreferL1 };

// For whoever wants to know that no device is there, and to have reports name an allocation.
#define LOOPWRIGHT_CUDA_EMULATED 1

extern "C" {
void loopwright_cuda_call_it(void *allocation, const char *name);
cudaError_t loopwright_cuda_allocate(void **address, size_t size, int kind);
// `call` is the name that the program knows it by.
cudaError_t loopwright_cuda_free(const char *call, void *address);
cudaError_t loopwright_cuda_copy(const char *call, void *to, const void *from, size_t size, cudaMemcpyKind kind);
cudaError_t loopwright_cuda_copy_rows(const char *call, void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, cudaMemcpyKind kind);
cudaError_t loopwright_cuda_fill(const char *call, void *address, int value, size_t size);
cudaError_t cudaGetLastError(void);
cudaError_t cudaPeekAtLastError(void);
const char *cudaGetErrorString(cudaError_t error);
const char *cudaGetErrorName(cudaError_t error);
cudaError_t cudaDeviceSynchronize(void);
cudaError_t cudaDeviceReset(void);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device);
cudaError_t cudaMemGetInfo(size_t *available, size_t *total);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end);
cudaError_t cudaEventDestroy(cudaEvent_t event);
}

namespace loopwright_cuda {
enum Memory { kDevice, kManaged, kPinned };
}

LOOPWRIGHT_CUDA_INLINE cudaError_t cudaFree(void *address) { return loopwright_cuda_free("cudaFree", address); }
LOOPWRIGHT_CUDA_INLINE cudaError_t cudaFreeHost(void *address) { return loopwright_cuda_free("cudaFreeHost", address); }
LOOPWRIGHT_CUDA_INLINE cudaError_t cudaMemcpy(void *to, const void *from, size_t size, cudaMemcpyKind kind) {
    return loopwright_cuda_copy("cudaMemcpy", to, from, size, kind);
}
LOOPWRIGHT_CUDA_INLINE cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, cudaMemcpyKind kind) {
    return loopwright_cuda_copy_rows("cudaMemcpy2D", to, to_pitch, from, from_pitch, width, height, kind);
}
LOOPWRIGHT_CUDA_INLINE cudaError_t cudaMemset(void *address, int value, size_t size) {
    return loopwright_cuda_fill("cudaMemset", address, value, size);
}
template <class T>
cudaError_t cudaMalloc(T **address, size_t size) {
    return loopwright_cuda_allocate((void **)address, size, loopwright_cuda::kDevice);
}
template <class T>
cudaError_t cudaMallocManaged(T **address, size_t size, unsigned = cudaMemAttachGlobal) {
    return loopwright_cuda_allocate((void **)address, size, loopwright_cuda::kManaged);
}
template <class T>
cudaError_t cudaMallocHost(T **address, size_t size, unsigned = 0) {
    return loopwright_cuda_allocate((void **)address, size, loopwright_cuda::kPinned);
}
template <class T>
cudaError_t cudaHostAlloc(T **address, size_t size, unsigned) { return cudaMallocHost(address, size); }
template <class T>
cudaError_t cudaMallocPitch(T **address, size_t *pitch, size_t width, size_t height) {
    *pitch = (width + 511) / 512 * 512;
    return loopwright_cuda_allocate((void **)address, *pitch * height, loopwright_cuda::kDevice);
}
template <class T>
cudaError_t cudaMallocAsync(T **address, size_t size, cudaStream_t) { return cudaMalloc(address, size); }
inline cudaError_t cudaFreeAsync(void *address, cudaStream_t) { return cudaFree(address); }

// A stream does its work at once: always one of the orders that CUDA allows.
inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, cudaMemcpyKind kind, cudaStream_t = nullptr) {
    return cudaMemcpy(to, from, size, kind);
}
inline cudaError_t cudaMemsetAsync(void *address, int value, size_t size, cudaStream_t = nullptr) {
    return cudaMemset(address, value, size);
}
template <class T>
cudaError_t cudaMemcpyToSymbol(T &symbol, const void *from, size_t size, size_t offset = 0, cudaMemcpyKind = cudaMemcpyHostToDevice) {
    return cudaMemcpy((char *)&symbol + offset, from, size, cudaMemcpyDefault);
}
template <class T>
cudaError_t cudaMemcpyFromSymbol(void *to, T &symbol, size_t size, size_t offset = 0, cudaMemcpyKind = cudaMemcpyDeviceToHost) {
    return cudaMemcpy(to, (const char *)&symbol + offset, size, cudaMemcpyDefault);
}
template <class T>
cudaError_t cudaGetSymbolAddress(void **address, T &symbol) {
    *address = (void *)&symbol;
    return cudaSuccess;
}
inline cudaError_t cudaStreamCreate(cudaStream_t *stream) { return cudaStreamCreateWithFlags(stream, 0); }
inline cudaError_t cudaEventCreate(cudaEvent_t *event, unsigned flags = 0) { return cudaEventCreateWithFlags(event, flags); }
inline cudaError_t cudaEventRecord(cudaEvent_t event) { return cudaEventRecord(event, nullptr); }
template <class F>
cudaError_t cudaFuncSetAttribute(F, cudaFuncAttribute, int) { return cudaSuccess; }
template <class F>
cudaError_t cudaFuncSetCacheConfig(F, cudaFuncCache) { return cudaSuccess; }
