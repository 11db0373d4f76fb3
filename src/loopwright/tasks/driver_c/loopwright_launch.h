/* The device's half of the driver around a CUDA kernel (see loopwright_device.h). Part of the file that launches
 * it, and compiled as CUDA.
 */
#ifndef LOOPWRIGHT_LAUNCH_H
#define LOOPWRIGHT_LAUNCH_H

#include <stdlib.h>
#include <string.h>

#include <cuda_runtime.h>

#include "loopwright_device.h"

static const lw_device_array *lw_arrays;
static size_t lw_array_count;
static unsigned char **lw_copies; /* on the device, one for each array */
static dim3 lw_grid, lw_block;
static size_t lw_shared_bytes;
static cudaEvent_t lw_begin, lw_end;

/* Whatever has to be said about the kernel before it is launched for the first time. */
static cudaError_t lw_prepare_kernel(void);

static void lw_demand(cudaError_t status, const char *what, const char *name)
{
    if (status != cudaSuccess)
        lw_device_failed(status == cudaErrorMemoryAllocation, what, name, cudaGetErrorString(status));
}

extern "C" void lw_device_open(const lw_device_array *arrays, size_t count, const lw_device_launch *launch)
{
    size_t i;
    lw_arrays = arrays;
    lw_array_count = count;
    lw_copies = (unsigned char **)calloc(count + 1, sizeof *lw_copies);
    for (i = 0; i < count; i++) {
        lw_demand(cudaMalloc(&lw_copies[i], arrays[i].bytes), "no memory on the device for", arrays[i].name);
#ifdef LOOPWRIGHT_CUDA_EMULATED
        loopwright_cuda_call_it(lw_copies[i], arrays[i].name);
#endif
    }
    lw_grid = dim3(launch->grid[0], launch->grid[1], launch->grid[2]);
    lw_block = dim3(launch->block[0], launch->block[1], launch->block[2]);
    lw_shared_bytes = launch->shared_bytes;
    lw_demand(cudaEventCreate(&lw_begin), "no clock on the device", "cudaEventCreate");
    lw_demand(cudaEventCreate(&lw_end), "no clock on the device", "cudaEventCreate");
    lw_demand(lw_prepare_kernel(), "no device does this", "dynamic shared memory");
}

static void lw_copy_in(size_t i)
{
    lw_demand(cudaMemcpy(lw_copies[i], lw_arrays[i].host, lw_arrays[i].bytes, cudaMemcpyHostToDevice),
              "not copied to the device", lw_arrays[i].name);
}

extern "C" void lw_device_poison(void)
{
    size_t i;
    for (i = 0; i < lw_array_count; i++)
        if (!lw_arrays[i].goes_in)
            lw_copy_in(i);
    lw_demand(cudaDeviceSynchronize(), "not copied to the device", "poison");
}

static void lw_before_launch(void)
{
    size_t i;
    for (i = 0; i < lw_array_count; i++)
        if (lw_arrays[i].goes_in)
            lw_copy_in(i);
    lw_demand(cudaEventRecord(lw_begin), "no time of", "cudaEventRecord");
}

static void lw_after_launch(const char *kernel)
{
    const cudaError_t launched = cudaGetLastError();
    size_t i;
    lw_demand(launched, "cannot be launched", kernel);
    lw_demand(cudaEventRecord(lw_end), "no time of", "cudaEventRecord");
    lw_demand(cudaDeviceSynchronize(), "ended with an error on the device", kernel);
    for (i = 0; i < lw_array_count; i++)
        if (lw_arrays[i].comes_out)
            lw_demand(cudaMemcpy(lw_arrays[i].host, lw_copies[i], lw_arrays[i].bytes, cudaMemcpyDeviceToHost),
                      "not copied from the device", lw_arrays[i].name);
}

/* Whether an input on the device is not what was copied there, and where first. */
extern "C" bool lw_device_changed_input(size_t *array, size_t *offset)
{
    static unsigned char piece[64 * 1024];
    size_t i, done, at;
    for (i = 0; i < lw_array_count; i++) {
        const lw_device_array *input = &lw_arrays[i];
        for (done = 0; !input->comes_out && done < input->bytes; done += sizeof piece) {
            const size_t now = input->bytes - done < sizeof piece ? input->bytes - done : sizeof piece;
            lw_demand(cudaMemcpy(piece, lw_copies[i] + done, now, cudaMemcpyDeviceToHost),
                      "not copied from the device", input->name);
            if (memcmp(piece, input->host + done, now) == 0)
                continue;
            for (at = 0; piece[at] == input->host[done + at]; at++)
                continue;
            *array = i;
            *offset = done + at;
            return true;
        }
    }
    return false;
}

extern "C" int64_t lw_device_elapsed_ns(void)
{
    float milliseconds = 0;
    lw_demand(cudaEventElapsedTime(&milliseconds, lw_begin, lw_end), "no time of", "cudaEventElapsedTime");
    return (int64_t)((double)milliseconds * 1e6);
}

#endif
