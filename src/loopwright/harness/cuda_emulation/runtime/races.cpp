// Which accesses are ordered, and which are not.
//
// Order comes from the barrier of a block, from __syncwarp, from the end of a launch, and from a fence before an
// atomic update of a place that another thread updates atomically afterwards (the pattern of a counter of blocks
// that are done); between fence and update there may be a barrier. Shuffles and votes order nothing: they are no memory barriers (CUDA C++ Programming Guide).
// Each thread carries the vector clock of its warp, valid within a phase; what it learned by fences lies beside.
#include <cstdio>
#include <sys/mman.h>

#include "state.h"

namespace loopwright_cuda {
namespace {

constexpr uint64_t kWhole = 0xffff;
constexpr size_t kMostCellBytes = size_t(4) << 30;
constexpr size_t kMostReports = 20;

struct Published {
    uintptr_t address;
    Knowledge knowledge;
};
Array<Published> published;
size_t cell_bytes;
bool told_of_size;

struct Pair {
    uint32_t a, b;
};
Array<Pair> reported;

// A write whose value is known only later: two writes of the same value are no fault.
struct Pending {
    bool set;
    uintptr_t address;
    size_t size;
    uint64_t old[2];
    char text[400];
    uintptr_t sites[3];
    size_t count;
} pending;

uint32_t known(const Knowledge &knowledge, uint64_t key) {
    size_t low = 0, high = knowledge.entries.size;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (knowledge.entries[middle].key < key) low = middle + 1;
        else high = middle;
    }
    return low < knowledge.entries.size && knowledge.entries[low].key == key ? knowledge.entries[low].value : 0;
}

void join(Knowledge &into, const Knowledge &from) {
    if (!from.entries.size) return;
    Array<Entry> merged;
    size_t i = 0, j = 0;
    while (i < into.entries.size || j < from.entries.size) {
        if (j == from.entries.size || (i < into.entries.size && into.entries[i].key < from.entries[j].key)) merged.add(into.entries[i++]);
        else if (i == into.entries.size || from.entries[j].key < into.entries[i].key) merged.add(from.entries[j++]);
        else {
            Entry entry = into.entries[i++];
            if (from.entries[j].value > entry.value) entry.value = from.entries[j].value;
            j++;
            merged.add(entry);
        }
    }
    free(into.entries.data);
    into.entries = merged;
}

void note(Knowledge &into, uint64_t key, uint32_t value) {
    Knowledge one;
    one.entries.add({key, value});
    join(into, one);
    free(one.entries.data);
}

void fresh_phase(Thread &thread) {
    if (thread.known_phase == machine.block.phase) return;
    thread.known_phase = machine.block.phase;
    memset(thread.known, 0, sizeof thread.known);
}

// Whether `before`, which happened earlier in this run, is ordered before what the running thread does now.
bool ordered(const Region &region, const Access &before) {
    const Block &block = machine.block;
    if (before.serial < machine.first_serial) return true;
    // Each block has shared memory of its own.
    if (region.kind >= Kind::Shared && before.serial != block.serial) return true;
    const Thread &me = self();
    if (before.serial == block.serial) {
        if (before.thread == machine.current || before.phase < block.phase) return true;
        if (first_of_warp(before.thread) == first_of_warp(machine.current) && me.known_phase == block.phase && me.known[lane_of(before.thread)] >= before.clock) return true;
    }
    const Knowledge *both[] = {&me.beyond, &block.beyond};
    for (const Knowledge *knowledge : both) {
        if (!knowledge->entries.size) continue;
        uint64_t key = uint64_t(before.serial) << 16;
        if (known(*knowledge, key | before.thread) >= before.clock || known(*knowledge, key | kWhole) > before.phase) return true;
    }
    return false;
}

Cell *cells_of(Region &region) {
    if (region.cells) return region.cells;
    size_t bytes = (region.end - region.begin + region.granule - 1) / region.granule * sizeof(Cell);
    if (region.kind == Kind::DynamicShared) bytes = (260 << 10) * sizeof(Cell);
    if (cell_bytes + bytes > kMostCellBytes) {
        if (!told_of_size) finding("refused", "so much memory is used that races in the rest were not looked for", nullptr, 0);
        told_of_size = true;
        return nullptr;
    }
    void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    cell_bytes += bytes;
    return region.cells = static_cast<Cell *>(memory);
}

// From a cell for four bytes to one for each.
bool split(Region &region) {
    Cell *old = region.cells;
    size_t count = (region.end - region.begin + 3) / 4;
    region.cells = nullptr;
    region.granule = 1;
    Cell *cells = cells_of(region);
    if (cells && old)
        for (size_t i = 0; i < count; i++)
            if (old[i].written.serial || old[i].read[0].serial)
                for (size_t b = 0; b < 4 && 4 * i + b < region.end - region.begin; b++) cells[4 * i + b] = old[i];
    if (old && region.kind != Kind::DynamicShared) munmap(old, count * sizeof(Cell));
    return cells != nullptr;
}

const char *verb(const Access &access, bool write) { return access.atomic ? "an atomic update" : write ? "a write" : "a read"; }

void conflict(const Region &region, uintptr_t address, size_t size, const Access &now, bool write, const Access &before, bool before_wrote) {
    for (size_t i = 0; i < reported.size; i++)
        if ((reported[i].a == now.site && reported[i].b == before.site) || (reported[i].b == now.site && reported[i].a == before.site)) return;
    if (reported.size >= kMostReports) return;
    char object[200];
    what_is(address, size, object, sizeof object);
    bool same = before.serial == now.serial;
    uint3 a, b;
    thread_indices(now.thread, &a);
    thread_indices(before.thread, &b);
    char text[sizeof pending.text];
    snprintf(text, sizeof text,
             "data race on %s: %s by thread (%u,%u,%u) and %s by thread (%u,%u,%u) of %s, with nothing between that orders them",
             object, verb(now, write), a.x, a.y, a.z, verb(before, before_wrote), b.x, b.y, b.z,
             same ? "the same block" : "another block");
    uintptr_t sites[3] = {executable_base() + now.site, executable_base() + before.site, region.site};
    size_t count = region.site ? 3 : 2;
    if (write && before_wrote && !now.atomic && !before.atomic && size <= 16) {
        if (pending.set) return;
        pending.set = true;
        pending.address = address;
        pending.size = size;
        memcpy(pending.old, reinterpret_cast<void *>(address), size);
        memcpy(pending.text, text, sizeof text);
        memcpy(pending.sites, sites, sizeof sites);
        pending.count = count;
        return;
    }
    reported.add({now.site, before.site});
    finding("race", text, sites, count);
}

void one_cell(Region &region, Cell &cell, uintptr_t address, size_t size, const Access &now, bool write) {
    Access &written = cell.written;
    if (written.serial && !(written.atomic && now.atomic) && !ordered(region, written)) conflict(region, address, size, now, write, written, true);
    if (write) {
        for (const Access &read : cell.read)
            if (read.serial && !(read.atomic && now.atomic) && !ordered(region, read)) conflict(region, address, size, now, true, read, false);
        written = now;
        cell.read[0].serial = cell.read[1].serial = 0;
        return;
    }
    for (Access &read : cell.read)
        if (!read.serial || ordered(region, read)) {
            read = now;
            return;
        }
}

}  // namespace

void check_values() {
    if (!pending.set) return;
    pending.set = false;
    if (!memcmp(pending.old, reinterpret_cast<void *>(pending.address), pending.size)) return;
    reported.add({uint32_t(pending.sites[0] - executable_base()), uint32_t(pending.sites[1] - executable_base())});
    finding("race", pending.text, pending.sites, pending.count);
}

void touch(uintptr_t address, size_t size, bool write, bool atomic, uintptr_t pc) {
    if (!machine.in_kernel) {
        if (!is_device(address) && !is_variable(address)) return;
        char object[200], text[300];
        snprintf(text, sizeof text, "host code %s %s", write ? "writes to" : "reads from", what_is(address, size, object, sizeof object));
        uintptr_t sites[32];
        fatal_sites("fault", text, sites, stack_from(pc, sites, 32));
    }
    if (pending.set) check_values();
    if (on_own_stack(address) || is_index(address)) return;
    Region *region = find(address);
    if (!region || region->freed || address + size > region->end || (write && region->kind == Kind::Constant)) {
        if (!region && is_private(address)) return;
        char object[200], text[400];
        uint3 t;
        thread_indices(machine.current, &t);
        snprintf(text, sizeof text, "kernel %s %s %zu bytes: %s, by thread (%u,%u,%u) of block (%u,%u,%u)", machine.kernel,
                 write ? "writes" : "reads", size, what_is(address, size, object, sizeof object), t.x, t.y, t.z,
                 blockIdx.x, blockIdx.y, blockIdx.z);
        uintptr_t sites[32];
        size_t count = stack_from(pc, sites, 31);
        Region *near = nearest(address);
        if (near && near->site) sites[count++] = near->site;
        fatal_sites("fault", text, sites, count);
    }
    if (region->kind == Kind::Constant || !machine.watches_races) return;
    if (region->granule == 4 && ((address - region->begin) % 4 || size % 4) && !split(*region)) return;
    Cell *cells = cells_of(*region);
    if (!cells) return;
    Thread &me = self();
    Access now{machine.block.serial, uint16_t(machine.current), atomic, 0, machine.block.phase, me.clock, uint32_t(pc - executable_base())};
    size_t first = (address - region->begin) / region->granule;
    size_t count = size / region->granule;
    for (size_t i = first; i < first + count; i++) one_cell(*region, cells[i], address, size, now, write);
}

void barrier_passed() {
    Block &block = machine.block;
    for (int t = 0; t < block.threads; t++) {
        Thread &thread = block.thread[t];
        join(block.beyond, thread.beyond);
        thread.beyond.entries.size = 0;
        // What was written before a fence and a barrier may be published by any thread behind the barrier.
        if (thread.has_released) join(block.released, thread.released);
        thread.has_released = false;
        thread.released.entries.size = 0;
        thread.clock++;
    }
    block.phase++;
}

void warp_passed(int first, uint64_t lanes) {
    Block &block = machine.block;
    uint32_t all[kMostLanes] = {};
    Knowledge beyond, released;
    for (int lane = 0; lane < machine.lanes; lane++) {
        if (!(lanes >> lane & 1)) continue;
        Thread &thread = block.thread[first + lane];
        fresh_phase(thread);
        for (int l = 0; l < machine.lanes; l++)
            if (thread.known[l] > all[l]) all[l] = thread.known[l];
        if (thread.clock > all[lane]) all[lane] = thread.clock;
        join(beyond, thread.beyond);
        if (thread.has_released) join(released, thread.released);
    }
    for (int lane = 0; lane < machine.lanes; lane++) {
        if (!(lanes >> lane & 1)) continue;
        Thread &thread = block.thread[first + lane];
        memcpy(thread.known, all, sizeof all);
        join(thread.beyond, beyond);
        join(thread.released, released);
        thread.has_released = thread.has_released || released.entries.size;
        thread.clock++;
    }
    free(beyond.entries.data);
    free(released.entries.data);
}

void fence_met() {
    Thread &me = self();
    Block &block = machine.block;
    uint64_t key = uint64_t(block.serial) << 16;
    me.released.entries.size = 0;
    join(me.released, block.beyond);
    join(me.released, me.beyond);
    if (block.phase) note(me.released, key | kWhole, block.phase);
    if (me.known_phase == block.phase)
        for (int lane = 0; lane < machine.lanes; lane++)
            if (me.known[lane]) note(me.released, key | unsigned(first_of_warp(machine.current) + lane), me.known[lane]);
    note(me.released, key | unsigned(machine.current), me.clock);
    me.clock++;
    me.has_released = true;
}

void atomic_met(uintptr_t address) {
    Thread &me = self();
    Published *place = nullptr;
    for (size_t i = 0; i < published.size && !place; i++)
        if (published[i].address == address) place = &published[i];
    if (place) join(me.beyond, place->knowledge);
    Knowledge &block = machine.block.released;
    if (!me.has_released && !block.entries.size) return;
    if (!place) {
        published.add({address, {}});
        place = &published[published.size - 1];
    }
    join(place->knowledge, block);
    if (me.has_released) join(place->knowledge, me.released);
}

void forget_launch() {
    check_values();
    for (size_t i = 0; i < published.size; i++) free(published[i].knowledge.entries.data);
    published.size = 0;
}

}  // namespace loopwright_cuda
