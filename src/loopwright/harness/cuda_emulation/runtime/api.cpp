// Copies, errors, devices, streams and events.
#include <cstdio>
#include <time.h>

#include "state.h"

struct loopwright_cuda_stream { int number; };
struct loopwright_cuda_event {
    double at_s;
    bool recorded;
};

using namespace loopwright_cuda;

namespace {

cudaError_t last_error = cudaSuccess;

double now_s() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// Whether the device may touch `address`: everything else is the host's.
bool belongs_to_device(const void *address) {
    return is_device(uintptr_t(address)) || find(uintptr_t(address));
}

// One side of a copy: inside one object when it is on the device, at all in the direction that was said.
void check_side(const char *call, const char *side, const void *address, size_t size, bool should_be_device, bool either, uintptr_t pc) {
    uintptr_t at = uintptr_t(address);
    char object[200], text[400];
    Region *region = find(at);
    bool both = region && (region->kind == Kind::Managed || region->kind == Kind::Pinned);
    if (!either && !both && belongs_to_device(address) != should_be_device) {
        snprintf(text, sizeof text, "%s says that the %s is on the %s, and it is %s", call, side, should_be_device ? "device" : "host",
                 belongs_to_device(address) ? what_is(at, size, object, sizeof object) : "host memory");
        fatal("fault", text, pc);
    }
    if (!belongs_to_device(address)) return;
    if (!region || region->freed || at + size > region->end) {
        snprintf(text, sizeof text, "%s: %zu bytes of the %s reach %s", call, size, side,
                 region && !region->freed ? what_is(at + size, 1, object, sizeof object) : what_is(at, size, object, sizeof object));
        fatal("fault", text, pc);
    }
}

bool known_kind(cudaMemcpyKind kind) { return kind >= cudaMemcpyHostToHost && kind <= cudaMemcpyDefault; }

void copy_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height) {
    open_device(true);
    for (size_t row = 0; row < height; row++)
        memmove(static_cast<char *>(to) + row * to_pitch, static_cast<const char *>(from) + row * from_pitch, width);
    open_device(false);
}

}  // namespace

extern "C" {

cudaError_t loopwright_cuda_set_error(cudaError_t error) {
    if (error != cudaSuccess) last_error = error;
    return error;
}

cudaError_t loopwright_cuda_copy(const char *call, void *to, const void *from, size_t size, cudaMemcpyKind kind) {
    uintptr_t pc = uintptr_t(__builtin_return_address(0));
    if (machine.in_kernel) fatal("refused", "a copy by the host's interface in a kernel is not emulated", pc);
    if (!known_kind(kind)) return loopwright_cuda_set_error(cudaErrorInvalidMemcpyDirection);
    if (!size) return cudaSuccess;
    bool either = kind == cudaMemcpyDefault;
    check_side(call, "source", from, size, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice, either, pc);
    check_side(call, "destination", to, size, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice, either, pc);
    copy_rows(to, 0, from, 0, size, 1);
    return cudaSuccess;
}

cudaError_t loopwright_cuda_copy_rows(const char *call, void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, cudaMemcpyKind kind) {
    uintptr_t pc = uintptr_t(__builtin_return_address(0));
    if (!known_kind(kind)) return loopwright_cuda_set_error(cudaErrorInvalidMemcpyDirection);
    if (width > to_pitch || width > from_pitch) return loopwright_cuda_set_error(cudaErrorInvalidValue);
    if (!width || !height) return cudaSuccess;
    bool either = kind == cudaMemcpyDefault;
    check_side(call, "source", from, (height - 1) * from_pitch + width, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice, either, pc);
    check_side(call, "destination", to, (height - 1) * to_pitch + width, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice, either, pc);
    copy_rows(to, to_pitch, from, from_pitch, width, height);
    return cudaSuccess;
}

cudaError_t loopwright_cuda_fill(const char *call, void *address, int value, size_t size) {
    uintptr_t pc = uintptr_t(__builtin_return_address(0));
    if (!size) return cudaSuccess;
    check_side(call, "destination", address, size, true, false, pc);
    open_device(true);
    memset(address, value, size);
    open_device(false);
    return cudaSuccess;
}

cudaError_t cudaGetLastError() {
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }

const char *cudaGetErrorName(cudaError_t error) {
    switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidSymbol: return "cudaErrorInvalidSymbol";
    case cudaErrorInvalidMemcpyDirection: return "cudaErrorInvalidMemcpyDirection";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle: return "cudaErrorInvalidResourceHandle";
    }
    return "unrecognized error code";
}
const char *cudaGetErrorString(cudaError_t error) { return error == cudaSuccess ? "no error" : cudaGetErrorName(error); }

cudaError_t cudaDeviceSynchronize() { return last_error; }
cudaError_t cudaDeviceReset() { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int *count) {
    *count = 1;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int *device) {
    *device = 0;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
    return device == 0 ? cudaSuccess : loopwright_cuda_set_error(cudaErrorInvalidDevice);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device) {
    if (device != 0) return loopwright_cuda_set_error(cudaErrorInvalidDevice);
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "emulated on the CPU");
    p->totalGlobalMem = size_t(16) << 30;
    p->sharedMemPerBlock = 48 << 10;
    p->sharedMemPerBlockOptin = 227 << 10;
    p->sharedMemPerMultiprocessor = 228 << 10;
    p->totalConstMem = 64 << 10;
    p->regsPerBlock = 65536;
    p->warpSize = 32;
    p->maxThreadsPerBlock = 1024;
    p->maxThreadsPerMultiProcessor = 2048;
    p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
    p->maxThreadsDim[2] = 64;
    p->maxGridSize[0] = 2147483647;
    p->maxGridSize[1] = p->maxGridSize[2] = 65535;
    p->major = 9;
    p->multiProcessorCount = 4;
    p->concurrentKernels = 1;
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
    *available = *total = size_t(16) << 30;
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned) {
    *stream = static_cast<cudaStream_t>(calloc(1, sizeof(loopwright_cuda_stream)));
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    free(stream);
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return last_error; }
cudaError_t cudaStreamQuery(cudaStream_t) { return last_error; }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
    *event = static_cast<cudaEvent_t>(calloc(1, sizeof(loopwright_cuda_event)));
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
    event->at_s = now_s();
    event->recorded = true;
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) { return last_error; }
cudaError_t cudaEventQuery(cudaEvent_t) { return last_error; }
// Times of the emulation: they say nothing about a device.
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    if (!start->recorded || !end->recorded) return loopwright_cuda_set_error(cudaErrorInvalidResourceHandle);
    *milliseconds = float(1e3 * (end->at_s - start->at_s));
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    free(event);
    return cudaSuccess;
}

}  // extern "C"
