// The threads of a block as fibers: one runs until it waits; then another one, drawn at random, has its turn.
#include <cstdio>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "state.h"

// Declared constant for kernels, which never see them change; defined where the compiler cannot know it.
__attribute__((section("lw_indices"))) uint3 loopwright_thread_index __asm__("threadIdx");
__attribute__((section("lw_indices"))) uint3 loopwright_block_index __asm__("blockIdx");
__attribute__((section("lw_indices"))) dim3 loopwright_block_size __asm__("blockDim");
__attribute__((section("lw_indices"))) dim3 loopwright_grid_size __asm__("gridDim");
__attribute__((section("lw_indices"))) int loopwright_warp_size __asm__("warpSize") = 32;

namespace loopwright_cuda {

Machine machine;

namespace {

constexpr size_t kStack = 256 << 10, kGuard = 64 << 10;
constexpr unsigned kMostSpins = 10000;

void (*one_thread)(void *);
void *given;
Array<int> runnable;
Array<Fiber *> idle;
Array<Fiber *> fibers;
char *stacks, *stacks_end;
Fiber *running;
jmp_buf home;

Fiber *new_fiber() {
    if (idle.size) return idle[--idle.size];
    if (!stacks) {
        size_t size = 1024 * (kStack + kGuard);
        void *memory = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) abort();
        stacks = static_cast<char *>(memory);
        stacks_end = stacks + size;
    }
    Fiber *fiber = static_cast<Fiber *>(calloc(1, sizeof(Fiber)));
    fiber->stack = stacks + fibers.size * (kStack + kGuard) + kGuard;
    if (mprotect(fiber->stack, kStack, PROT_READ | PROT_WRITE)) abort();
    fibers.add(fiber);
    return fiber;
}

int take_runnable() {
    if (!runnable.size) return -1;
    size_t i = random_number() % runnable.size;
    int thread = runnable[i];
    runnable[i] = runnable[--runnable.size];
    return thread;
}

void enter(int thread) {
    machine.current = thread;
    thread_indices(thread, &loopwright_thread_index);
}

// Limits of compute capability 5.0 to 9.0 (CUDA C++ Programming Guide, table of technical specifications).
bool beyond_cuda(dim3 grid, dim3 block, size_t shared_bytes) {
    return block.z > 64 || grid.x > 2147483647u || grid.y > 65535 || grid.z > 65535 || shared_bytes > 227 << 10;
}

// Fewer than 2^32 threads along each dimension (HIP programming manual), and 64 KiB of shared memory.
bool beyond_gfx90a(dim3 grid, dim3 block, size_t shared_bytes) {
    return uint64_t(grid.x) * block.x >> 32 || uint64_t(grid.y) * block.y >> 32 || uint64_t(grid.z) * block.z >> 32 ||
           shared_bytes > 64 << 10;
}

const char *barrier_text = "threads of one block wait at different barriers: ";

void check_same_barrier() {
    Block &block = machine.block;
    uintptr_t first = 0;
    int first_thread = 0;
    for (int t = 0; t < block.threads; t++) {
        Thread &thread = block.thread[t];
        if (thread.state != State::Barrier) continue;
        if (!first) {
            first = thread.wait_pc;
            first_thread = t;
        } else if (thread.wait_pc != first && !same_line(thread.wait_pc, first)) {
            uintptr_t sites[] = {first, thread.wait_pc};
            uint3 a, b;
            thread_indices(first_thread, &a);
            thread_indices(t, &b);
            char text[300];
            snprintf(text, sizeof text, "%sthread (%u,%u,%u) here, thread (%u,%u,%u) there", barrier_text, a.x,
                     a.y, a.z, b.x, b.y, b.z);
            fatal_sites("divergence", text, sites, 2);
        }
    }
}

void release_barrier() {
    Block &block = machine.block;
    check_same_barrier();
    int count = 0;
    for (int t = 0; t < block.threads; t++)
        if (block.thread[t].state == State::Barrier) count += block.thread[t].wait_value != 0;
    for (int t = 0; t < block.threads; t++) {
        Thread &thread = block.thread[t];
        if (thread.state != State::Barrier) continue;
        int kind = thread.wait_kind;
        thread.wait_value = kind == kCount ? count : kind == kAnd ? count == block.waiting : count != 0;
        make_ready(t);
    }
    block.waiting = 0;
    barrier_passed();
}

[[noreturn]] void report_stuck() {
    Block &block = machine.block;
    uintptr_t sites[8];
    size_t count = 0;
    int waiting = 0, left = 0, warp = 0;
    for (int t = 0; t < block.threads; t++) {
        Thread &thread = block.thread[t];
        waiting += thread.state == State::Barrier;
        left += thread.state == State::Done;
        warp += thread.state == State::Warp;
        if (thread.state == State::Done || count == 8) continue;
        bool seen = false;
        for (size_t i = 0; i < count; i++) seen = seen || sites[i] == thread.wait_pc;
        if (!seen) sites[count++] = thread.wait_pc;
    }
    char text[300];
    int at = snprintf(text, sizeof text, "a block of %d threads cannot go on:", block.threads);
    if (waiting) at += snprintf(text + at, sizeof text - at, " %d wait at a barrier,", waiting);
    if (warp) at += snprintf(text + at, sizeof text - at, " %d wait for lanes of their warp,", warp);
    if (left) at += snprintf(text + at, sizeof text - at, " %d have left the kernel,", left);
    text[at - 1] = '\0';
    fatal_sites("divergence", text, sites, count);
}

// Whose turn it is; -1 when the block is done.
int next() {
    Block &block = machine.block;
    int thread = take_runnable();
    if (thread >= 0) return thread;
    if (!block.alive) return -1;
    // Threads that have left cannot come to the barrier, on any hardware that waits for all of them.
    if (block.waiting == block.threads) {
        release_barrier();
        return take_runnable();
    }
    if (release_active()) return take_runnable();
    report_stuck();
}

void fiber_main() {
    for (;;) {
        Fiber *fiber = running;
        one_thread(given);
        int thread = machine.current;
        check_values();
        Block &block = machine.block;
        block.thread[thread].state = State::Done;
        block.alive--;
        int first = first_of_warp(thread);
        for (int other = first; other < block.threads && other < first + machine.lanes; other++)
            if (block.thread[other].state == State::Warp && release_warp(other)) break;
        int following = next();
        if (following >= 0 && block.thread[following].state == State::Fresh) {
            block.thread[following].fiber = fiber;
            enter(following);
            continue;
        }
        idle.add(fiber);
        if (_setjmp(fiber->place) == 0) {
            if (following < 0) _longjmp(home, 1);
            running = block.thread[following].fiber;
            enter(following);
            _longjmp(running->place, 1);
        }
    }
}

// Leaves the running fiber, if there is one, for that of `thread`.
void switch_to(int thread) {
    Thread &to = machine.block.thread[thread];
    Fiber *from = running;
    if (!to.fiber) to.fiber = new_fiber();
    if (from == to.fiber) return enter(thread);
    if (from && _setjmp(from->place)) return;
    running = to.fiber;
    enter(thread);
    if (running->started) _longjmp(running->place, 1);
    running->started = true;
    getcontext(&running->first);
    running->first.uc_stack.ss_sp = running->stack;
    running->first.uc_stack.ss_size = kStack;
    running->first.uc_link = nullptr;
    makecontext(&running->first, fiber_main, 0);
    setcontext(&running->first);
}

void run_block(dim3 size) {
    Block &block = machine.block;
    block.serial = machine.next_serial++;
    block.phase = 0;
    block.threads = block.alive = int(size.x * size.y * size.z);
    block.waiting = 0;
    block.beyond.entries.size = block.released.entries.size = 0;
    runnable.size = 0;
    for (int t = 0; t < block.threads; t++) {
        Thread &thread = block.thread[t];
        thread.state = State::Fresh;
        thread.fiber = nullptr;
        thread.clock = 1;
        thread.known_phase = ~0u;
        thread.beyond.entries.size = thread.released.entries.size = 0;
        thread.has_released = false;
        thread.spins = 0;
        runnable.add(t);
    }
    poison_shared(machine.dynamic_bytes);
    running = nullptr;
    if (_setjmp(home) == 0) switch_to(next());
    running = nullptr;
}

}  // namespace

void make_ready(int thread) {
    machine.block.thread[thread].state = State::Ready;
    runnable.add(thread);
}

void wait_for_turn() {
    check_values();
    int mine = machine.current;
    int thread = next();
    if (thread != mine) switch_to(thread);
    machine.block.thread[mine].state = State::Ready;
}

uint64_t random_number() {
    // xorshift64* (Vigna, ACM TOMS 42(4), 2016).
    uint64_t &x = machine.seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return x * 2685821657736338717ull >> 16;
}

bool on_own_stack(uintptr_t address) {
    return running && address - reinterpret_cast<uintptr_t>(running->stack) < kStack;
}

bool on_a_stack(uintptr_t address) {
    return address >= reinterpret_cast<uintptr_t>(stacks) && address < reinterpret_cast<uintptr_t>(stacks_end);
}

void thread_indices(int thread, uint3 *index) {
    unsigned t = unsigned(thread);
    index->x = t % loopwright_block_size.x;
    index->y = t / loopwright_block_size.x % loopwright_block_size.y;
    index->z = t / (loopwright_block_size.x * loopwright_block_size.y);
}

}  // namespace loopwright_cuda

using namespace loopwright_cuda;

extern "C" int loopwright_cuda_barrier(int kind, int value) {
    if (!machine.in_kernel) fatal("fault", "a barrier outside a kernel", uintptr_t(__builtin_return_address(0)));
    Thread &me = self();
    me.state = State::Barrier;
    me.wait_pc = uintptr_t(__builtin_return_address(0));
    me.wait_kind = kind;
    me.wait_value = value != 0;
    me.spins = 0;
    machine.block.waiting++;
    wait_for_turn();
    return me.wait_value;
}

extern "C" void loopwright_cuda_fence() {
    if (machine.in_kernel) fence_met();
}

extern "C" void loopwright_cuda_atomic(volatile void *address, unsigned size, void *old) {
    uintptr_t pc = uintptr_t(__builtin_return_address(0)), where = uintptr_t(address);
    touch(where, size, true, true, pc);
    if (!machine.in_kernel) fatal("fault", "an atomic function of the device outside a kernel", pc);
    if (where % size) fatal("fault", "an atomic function on an address that is not aligned", pc);
    // Whoever waits for another thread by atomics must let it have its turn.
    if (++self().spins > kMostSpins) {
        self().spins = 0;
        make_ready(machine.current);
        wait_for_turn();
    }
    atomic_met(where);
    memcpy(old, const_cast<void *>(address), size);
}

extern "C" void loopwright_cuda_atomic_store(volatile void *address, unsigned size, const void *value) {
    memcpy(const_cast<void *>(address), value, size);
}

extern "C" long long loopwright_cuda_clock() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

extern "C" cudaError_t loopwright_cuda_set_error(cudaError_t error);

extern "C" void loopwright_cuda_launch(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes, void *,
                                       void (*one)(void *), void *arguments, size_t size, int lanes) {
    uintptr_t pc = uintptr_t(__builtin_return_address(0));
    if (machine.in_kernel) fatal("refused", "a kernel that launches kernels is not emulated", pc);
    if (gettid() != getpid()) fatal("refused", "launching from several host threads is not emulated", pc);
    uint64_t threads = uint64_t(block.x) * block.y * block.z, blocks = uint64_t(grid.x) * grid.y * grid.z;
    if (!threads || threads > 1024 || !blocks || (lanes == 64 ? beyond_gfx90a : beyond_cuda)(grid, block, shared_bytes)) {
        loopwright_cuda_set_error(cudaErrorInvalidConfiguration);
        return;
    }
    if (blocks > 1u << 24) fatal("refused", "a grid of more than 16 million blocks is not emulated", pc);
    machine.kernel = kernel;
    machine.launches++;
    machine.first_serial = machine.next_serial;
    machine.parameters = uintptr_t(arguments);
    machine.parameters_end = uintptr_t(arguments) + size;
    machine.dynamic_bytes = shared_bytes;
    machine.lanes = lanes;
    loopwright_block_size = block;
    loopwright_grid_size = grid;
    one_thread = one;
    given = arguments;
    int *order = static_cast<int *>(malloc(blocks * sizeof(int)));
    for (uint64_t b = 0; b < blocks; b++) {
        uint64_t other = random_number() % (b + 1);
        order[b] = order[other];
        order[other] = int(b);
    }
    machine.in_kernel = true;
    open_device(true);
    for (uint64_t b = 0; b < blocks; b++) {
        unsigned linear = unsigned(order[b]);
        loopwright_block_index = {linear % grid.x, linear / grid.x % grid.y, linear / (grid.x * grid.y)};
        run_block(block);
    }
    open_device(false);
    machine.in_kernel = false;
    free(order);
    forget_launch();
}
