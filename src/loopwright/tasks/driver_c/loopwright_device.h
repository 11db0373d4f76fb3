/* What the two halves of the driver around a CUDA kernel know of each other.
 *
 * The half of the host is that of every kernel: inputs, clock, checks, result file. The half of the device has
 * a copy of every array in the memory of the device, and launches. Getting that memory, and poison for what the
 * kernel has to write, are not timed; copying there, the launch and copying back are.
 */
#ifndef LOOPWRIGHT_DEVICE_H
#define LOOPWRIGHT_DEVICE_H

#include <stddef.h>
#include <stdint.h>

/* An array of the host. `goes_in`: copied to the device before the launch; `comes_out`: back after it. */
struct lw_device_array {
    const char *name;
    unsigned char *host;
    size_t bytes;
    bool goes_in, comes_out;
};

struct lw_device_launch {
    unsigned grid[3], block[3];
    size_t shared_bytes;
};

extern "C" {
/* The host's: ends the program. */
void lw_device_failed(bool no_memory, const char *what, const char *name, const char *why);

/* The device's. `arrays` stay where they are until the program ends. */
void lw_device_open(const struct lw_device_array *arrays, size_t count, const struct lw_device_launch *launch);
void lw_device_poison(void);
bool lw_device_changed_input(size_t *array, size_t *offset);
int64_t lw_device_elapsed_ns(void);
}

#endif
