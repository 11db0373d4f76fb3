// Shuffles, votes and the barrier of a warp: its lanes wait for one another, wherever each of them is.
#include "state.h"

namespace loopwright_cuda {
namespace {

// Lanes of the warp of `thread` that are in `mask` and have not left the kernel.
unsigned living(int thread, unsigned mask) {
    int first = thread / 32 * 32;
    unsigned lanes = 0;
    for (int lane = 0; lane < 32 && first + lane < machine.block.threads; lane++)
        if ((mask >> lane & 1) && machine.block.thread[first + lane].state != State::Done) lanes |= 1u << lane;
    return lanes;
}

// What an undefined shuffle gives: nothing that a program could take for an answer.
constexpr uint64_t kPoison = 0xfff7fff7fff7fff7u;

uint64_t exchanged(Thread &me, int lane, int first, unsigned lanes) {
    Thread *warp = machine.block.thread + first;
    uint64_t result = 0;
    switch (me.wait_kind) {
    case kBallot:
        for (int l = 0; l < 32; l++)
            if ((lanes >> l & 1) && warp[l].warp_in) result |= 1ull << l;
        return result;
    case kMatchAny:
        for (int l = 0; l < 32; l++)
            if ((lanes >> l & 1) && warp[l].warp_in == me.warp_in) result |= 1ull << l;
        return result;
    case kSyncWarp:
        return 0;
    }
    int width = me.warp_width, part = lane / width * width, from;
    switch (me.wait_kind) {
    case kIdx: from = part + (me.warp_lane & (width - 1)); break;
    case kUp: from = lane - me.warp_lane < part ? lane : lane - me.warp_lane; break;
    case kDown: from = lane + me.warp_lane >= part + width ? lane : lane + me.warp_lane; break;
    default: from = (lane ^ me.warp_lane) >= part + width ? lane : (lane ^ me.warp_lane);
    }
    return (lanes >> from & 1) ? warp[from].warp_in : kPoison;
}

}  // namespace

// Lets go the lanes that wait together with `thread`, when all that its mask names are there.
bool release_warp(int thread) {
    Block &block = machine.block;
    Thread &me = block.thread[thread];
    int first = thread / 32 * 32;
    unsigned lanes = living(thread, me.mask);
    for (int lane = 0; lane < 32; lane++) {
        if (!(lanes >> lane & 1)) continue;
        Thread &other = block.thread[first + lane];
        if (other.state != State::Warp || other.mask != me.mask || other.wait_kind != me.wait_kind) return false;
    }
    for (int lane = 0; lane < 32; lane++)
        if (lanes >> lane & 1) {
            Thread &other = block.thread[first + lane];
            other.warp_out = exchanged(other, lane, first, lanes);
        }
    if (me.wait_kind == kSyncWarp) warp_passed(first, lanes);
    for (int lane = 0; lane < 32; lane++)
        if (lanes >> lane & 1) make_ready(first + lane);
    return true;
}

}  // namespace loopwright_cuda

using namespace loopwright_cuda;

extern "C" void loopwright_cuda_warp(int kind, unsigned mask, const void *in, void *out, unsigned size, int lane,
                                     int width) {
    uintptr_t pc = uintptr_t(__builtin_return_address(0));
    if (!machine.in_kernel) fatal("fault", "a warp intrinsic outside a kernel", pc);
    Thread &me = self();
    if (!(mask >> (machine.current % 32) & 1))
        fatal("fault", "a thread calls a warp intrinsic with a mask that leaves it out", pc);
    if (width < 1 || width > 32 || (width & (width - 1)))
        fatal("fault", "the width of a shuffle is not 1, 2, 4, 8, 16 or 32", pc);
    me.state = State::Warp;
    me.wait_pc = pc;
    me.wait_kind = kind;
    me.mask = mask;
    me.warp_in = 0;
    if (size) memcpy(&me.warp_in, in, size);
    me.warp_size = size;
    me.warp_lane = lane;
    me.warp_width = width;
    me.spins = 0;
    release_warp(machine.current);
    wait_for_turn();
    if (out) memcpy(out, &me.warp_out, kind == kBallot || kind == kMatchAny ? sizeof(unsigned) : size);
}
