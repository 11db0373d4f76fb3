// What the parts of the runtime know of each other. No standard containers: their code would be merged with
// the instrumented copies in the program.
#pragma once

#include <csetjmp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>

#include "loopwright_cuda/api.h"
#include "loopwright_cuda/device.h"

namespace loopwright_cuda {

// A growing array of plain values.
template <class T>
struct Array {
    T *data = nullptr;
    size_t size = 0, room = 0;

    T &operator[](size_t i) { return data[i]; }
    const T &operator[](size_t i) const { return data[i]; }
    void add(const T &value) {
        if (size == room) {
            room = room ? 2 * room : 16;
            data = static_cast<T *>(realloc(static_cast<void *>(data), room * sizeof(T)));
            if (!data) abort();
        }
        data[size++] = value;
    }
};

// ---- memory -------------------------------------------------------------------------------------------

enum class Kind : uint8_t { Device, Managed, Pinned, Variable, Constant, Shared, DynamicShared };

// Who touched a piece of memory last. Events of one block are numbered by (phase, clock): a phase ends at a
// barrier of the whole block, the clock of a thread moves on whenever it publishes something.
struct Access {
    uint32_t serial;  // number of the block among all blocks that ever ran; 0: nobody
    uint16_t thread;
    uint8_t atomic;
    uint8_t bytes;  // which bytes of the piece, one bit each
    uint32_t phase, clock;
    uint32_t site;  // return address, counted from the start of the executable
};
// Two readers suffice: whoever writes is another thread than at least one of them.
struct Cell {
    Access written, read[2];
};

struct Region {
    uintptr_t begin, end;
    Kind kind;
    bool freed;
    uint8_t granule;  // bytes a cell stands for: 4, or 1 once something smaller was touched
    char name[80];    // of a variable, or what somebody calls an allocation; else empty
    uintptr_t site;   // where it was allocated
    Cell *cells;
};

void start_memory();
Region *find(uintptr_t address);         // the region that holds `address`, or null
Region *nearest(uintptr_t address);      // the region that it belongs to or misses by little, or null
bool is_device(uintptr_t address);       // reserved for device memory, allocated or not
bool is_variable(uintptr_t address);     // of the device or constant
bool is_index(uintptr_t address);        // threadIdx and its kin
bool is_private(uintptr_t address);      // of no concern: constants, parameters of the launch, own stack
void open_device(bool open);             // whether pages of device memory can be touched
void poison_shared(size_t dynamic_bytes);
const char *what_is(uintptr_t address, uintptr_t size, char *text, size_t room);

// ---- threads ------------------------------------------------------------------------------------------

struct Entry {
    uint64_t key;  // block serial << 16 | thread, 0xffff for the block as a whole
    uint32_t value;
};
// What a thread knows of threads beyond its phase and warp: sorted by key.
struct Knowledge {
    Array<Entry> entries;
};
constexpr int kMostLanes = 64;
enum class State : uint8_t { Fresh, Ready, Barrier, Warp, Done };

struct Fiber {
    jmp_buf place;
    ucontext_t first;
    bool started;
    char *stack;
    int thread;
};

struct Thread {
    State state;
    Fiber *fiber;
    uintptr_t wait_pc;
    int wait_kind, wait_value;
    uint64_t mask;
    uint64_t warp_in, warp_out;
    unsigned warp_size;
    int warp_lane, warp_width;
    uint32_t clock;
    uint32_t known_phase;  // `known` is of this phase
    uint32_t known[kMostLanes];  // clocks of the lanes of the own warp
    Knowledge beyond;
    Knowledge released;  // as of its last fence
    bool has_released;
    unsigned spins;
};

struct Block {
    uint32_t serial, phase;
    int threads, alive, waiting;
    Thread thread[1024];
    Knowledge beyond;    // what every thread has known since the last barrier
    Knowledge released;  // what fences before the last barrier let go
};

struct Machine {
    bool in_kernel, watches_races;
    uint32_t first_serial;  // of the launch
    int current;
    int lanes;  // of a warp, in this launch
    const char *kernel;
    uint64_t seed, launches;
    uintptr_t parameters, parameters_end;
    size_t dynamic_bytes;
    uint32_t next_serial;
    Block block;
};
extern Machine machine;

inline int lane_of(int thread) { return thread % machine.lanes; }
inline int first_of_warp(int thread) { return thread - lane_of(thread); }
inline Thread &self() { return machine.block.thread[machine.current]; }
uint64_t random_number();
void make_ready(int thread);
void wait_for_turn();            // until the running thread is ready again
bool release_warp(int thread);   // lets go the lanes that wait with `thread`, when all that its mask names are there
bool release_active();           // the same for lanes without a mask, when nobody else of the block can go on
bool on_own_stack(uintptr_t address);
bool on_a_stack(uintptr_t address);
void thread_indices(int thread, uint3 *index);

// ---- races --------------------------------------------------------------------------------------------

void touch(uintptr_t address, size_t size, bool write, bool atomic, uintptr_t pc);
void check_values();
void barrier_passed();
void warp_passed(int first, uint64_t lanes);
void atomic_met(uintptr_t address);
void fence_met();
void forget_launch();

// ---- reports ------------------------------------------------------------------------------------------

void start_reports();
uintptr_t executable_base();
// A line of a report begins with its kind: "fault", "race", "divergence" or "refused".
void finding(const char *kind, const char *text, const uintptr_t *sites, size_t count);
[[noreturn]] void fatal(const char *kind, const char *text, uintptr_t pc);
[[noreturn]] void fatal_sites(const char *kind, const char *text, const uintptr_t *sites, size_t count);
bool same_line(uintptr_t a, uintptr_t b);
size_t stack_from(uintptr_t pc, uintptr_t *sites, size_t room);

}  // namespace loopwright_cuda
