/* The host's half of the driver around a CUDA kernel: what is done beside the calls (see loopwright_device.h). */
#ifndef LOOPWRIGHT_HOOKS_H
#define LOOPWRIGHT_HOOKS_H

#include "loopwright_device.h"
#include "loopwright_run.h"

extern "C" void lw_device_failed(bool no_memory, const char *what, const char *name, const char *why)
{
    lw_die(no_memory ? LW_EXIT_NO_MEMORY : LW_EXIT_DEVICE, what, name, why);
}

static unsigned lw_extent(int argc, char **argv, const char *of, const char *axis)
{
    const lw_number extent = lw_numeric(argc, argv, of, axis);
    if (extent.integer < 1 || extent.integer > UINT32_MAX)
        lw_die(LW_EXIT_USAGE, "out of range", of, axis);
    return (unsigned)extent.integer;
}

static void lw_open_device(int argc, char **argv)
{
    static const char *const axes[] = {"x", "y", "z"};
    lw_device_array *arrays = (lw_device_array *)lw_map((lw_table_length + 1) * sizeof *arrays, "device arrays");
    lw_device_launch launch;
    size_t i;
    for (i = 0; i < 3; i++) {
        launch.grid[i] = lw_extent(argc, argv, "--grid", axes[i]);
        launch.block[i] = lw_extent(argc, argv, "--block", axes[i]);
    }
    launch.shared_bytes = (size_t)lw_numeric(argc, argv, "--shared", "bytes").integer;
    for (i = 0; i < lw_table_length; i++) {
        arrays[i].name = lw_table[i].name;
        arrays[i].host = lw_table[i].data;
        arrays[i].bytes = lw_table[i].bytes;
        arrays[i].goes_in = lw_table[i].role != LW_OUT;
        arrays[i].comes_out = lw_table[i].role != LW_IN;
    }
    lw_device_open(arrays, lw_table_length, &launch);
}

/* A kernel changes nothing of the host: what it did to its inputs is seen in the memory of the device. */
static void lw_check_device_inputs(void)
{
    size_t array, offset;
    if (lw_device_changed_input(&array, &offset))
        lw_report_access(LW_EXIT_INPUT_MODIFIED, &lw_table[array], "write", (int64_t)offset);
}

static const lw_beside lw_hooks = {lw_open_device, lw_device_poison, lw_check_device_inputs,
                                   lw_device_elapsed_ns};

#endif
