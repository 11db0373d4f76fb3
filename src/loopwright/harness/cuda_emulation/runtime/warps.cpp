// Shuffles, votes and the barrier of a warp: its lanes wait for one another, wherever each of them is.
//
// CUDA names in a mask who takes part. HIP does not: all lanes that are active in this place take part. Here
// those are all lanes of the warp when all come to the same place; else the ones that are there when nobody in
// the block can go on without them and no other lane of the warp waits in another such place. Where one does,
// which place comes first is the compiler's affair, and the program is refused.
#include <cstdio>

#include "state.h"

namespace loopwright_cuda {
namespace {

// Lanes of the warp of `thread` that are in `mask` and have not left the kernel.
uint64_t living(int thread, uint64_t mask) {
    int first = first_of_warp(thread);
    uint64_t lanes = 0;
    for (int lane = 0; lane < machine.lanes && first + lane < machine.block.threads; lane++)
        if ((mask >> lane & 1) && machine.block.thread[first + lane].state != State::Done) lanes |= 1ull << lane;
    return lanes;
}

// Whether `other` waits for what `me` waits for.
bool together(const Thread &me, const Thread &other) {
    if (other.state != State::Warp || other.mask != me.mask || other.wait_kind != me.wait_kind) return false;
    return !(me.wait_kind & kActive) || me.wait_pc == other.wait_pc || same_line(me.wait_pc, other.wait_pc);
}

// What an undefined shuffle gives: nothing that a program could take for an answer.
constexpr uint64_t kPoison = 0xfff7fff7fff7fff7u;

uint64_t exchanged(Thread &me, int lane, int first, uint64_t lanes) {
    Thread *warp = machine.block.thread + first;
    uint64_t result = 0;
    int kind = me.wait_kind & ~kActive;
    switch (kind) {
    case kBallot:
        for (int l = 0; l < machine.lanes; l++)
            if ((lanes >> l & 1) && warp[l].warp_in) result |= 1ull << l;
        return result;
    case kMatchAny:
        for (int l = 0; l < machine.lanes; l++)
            if ((lanes >> l & 1) && warp[l].warp_in == me.warp_in) result |= 1ull << l;
        return result;
    case kSyncWarp:
        return 0;
    }
    int width = me.warp_width, part = lane / width * width, from;
    switch (kind) {
    case kIdx: from = part + (me.warp_lane & (width - 1)); break;
    case kUp: from = lane - me.warp_lane < part ? lane : lane - me.warp_lane; break;
    case kDown: from = lane + me.warp_lane >= part + width ? lane : lane + me.warp_lane; break;
    default: from = (lane ^ me.warp_lane) >= part + width ? lane : (lane ^ me.warp_lane);
    }
    return (lanes >> from & 1) ? warp[from].warp_in : kPoison;
}

void let_go(int first, uint64_t lanes, int kind) {
    for (int lane = 0; lane < machine.lanes; lane++)
        if (lanes >> lane & 1) {
            Thread &other = machine.block.thread[first + lane];
            other.warp_out = exchanged(other, lane, first, lanes);
        }
    if (kind == kSyncWarp) warp_passed(first, lanes);
    for (int lane = 0; lane < machine.lanes; lane++)
        if (lanes >> lane & 1) make_ready(first + lane);
}

}  // namespace

bool release_warp(int thread) {
    Thread &me = machine.block.thread[thread];
    int first = first_of_warp(thread);
    uint64_t lanes = living(thread, me.mask);
    for (int lane = 0; lane < machine.lanes; lane++)
        if ((lanes >> lane & 1) && !together(me, machine.block.thread[first + lane])) return false;
    let_go(first, lanes, me.wait_kind);
    return true;
}

bool release_active() {
    Block &block = machine.block;
    for (int t = 0; t < block.threads; t++) {
        Thread &me = block.thread[t];
        if (me.state != State::Warp || !(me.wait_kind & kActive)) continue;
        int first = first_of_warp(t);
        uint64_t lanes = living(t, me.mask);
        for (int lane = 0; lane < machine.lanes; lane++) {
            Thread &other = block.thread[first + lane];
            if (!(lanes >> lane & 1) || together(me, other)) continue;
            if (other.state == State::Warp) {
                uintptr_t sites[] = {me.wait_pc, other.wait_pc};
                fatal_sites("refused", "lanes of one wavefront exchange values in different places at a time: not emulated", sites, 2);
            }
            lanes &= ~(1ull << lane);
        }
        let_go(first, lanes, me.wait_kind);
        return true;
    }
    return false;
}

}  // namespace loopwright_cuda

using namespace loopwright_cuda;

extern "C" void loopwright_cuda_warp(int kind, unsigned long long mask, const void *in, void *out, unsigned size,
                                     int lane, int width) {
    uintptr_t pc = uintptr_t(__builtin_return_address(0));
    if (!machine.in_kernel) fatal("fault", "a warp intrinsic outside a kernel", pc);
    Thread &me = self();
    if (!(mask >> lane_of(machine.current) & 1))
        fatal("fault", "a thread calls a warp intrinsic with a mask that leaves it out", pc);
    if (width < 1 || width > machine.lanes || (width & (width - 1))) {
        char text[100];
        snprintf(text, sizeof text, "the width of a shuffle is no power of two from 1 to %d", machine.lanes);
        fatal("fault", text, pc);
    }
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
    if (!out) return;
    bool lanes = (kind & ~kActive) == kBallot || kind == kMatchAny;
    memcpy(out, &me.warp_out, lanes ? sizeof(unsigned long long) : size);
}
