// Loopwright's emulation of HIP on the CPU: that of CUDA under HIP's names, with the wavefronts of AMD's devices.
#pragma once

#define LOOPWRIGHT_HIP 1

#include <cstdio>
#include <cstdlib>

#include "loopwright_cuda/hip_api.h"
#include "loopwright_cuda/device.h"
#include "loopwright_cuda/launch.h"

#define hipThreadIdx_x threadIdx.x
#define hipThreadIdx_y threadIdx.y
#define hipThreadIdx_z threadIdx.z
#define hipBlockIdx_x blockIdx.x
#define hipBlockIdx_y blockIdx.y
#define hipBlockIdx_z blockIdx.z
#define hipBlockDim_x blockDim.x
#define hipBlockDim_y blockDim.y
#define hipBlockDim_z blockDim.z
#define hipGridDim_x gridDim.x
#define hipGridDim_y gridDim.y
#define hipGridDim_z gridDim.z

LOOPWRIGHT_CUDA_INLINE long long wall_clock64() { return loopwright_cuda_clock(); }

#define HIP_DYNAMIC_SHARED(type, name) type *const name = (type *)::loopwright_cuda_dynamic_shared;
#define HIP_KERNEL_NAME(...) __VA_ARGS__
// The kernel in brackets, so that commas of its template arguments stay inside.
#define hipLaunchKernelGGL(kernel, ...) LOOPWRIGHT_HIP_LAUNCH((kernel), __VA_ARGS__)
#define LOOPWRIGHT_HIP_NAME(...) #__VA_ARGS__
#define LOOPWRIGHT_HIP_LAUNCH(kernel, grid, block, shared, stream, ...)                            \
    ::loopwright_cuda::Launch(LOOPWRIGHT_HIP_NAME kernel, grid, block, shared, stream)             \
        .run([&](auto... loopwright_a) { kernel(loopwright_a...); } __VA_OPT__(, ) __VA_ARGS__)
