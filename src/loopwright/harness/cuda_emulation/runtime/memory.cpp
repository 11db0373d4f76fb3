// Where device memory lies, and which object an address belongs to.
#include <cstdio>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"

extern "C" {
alignas(1024) char loopwright_cuda_dynamic_shared[260 << 10];
}
extern "C" char __start_lw_device[] __attribute__((weak));
extern "C" char __stop_lw_device[] __attribute__((weak));
extern "C" char __start_lw_indices[], __stop_lw_indices[];
extern "C" char __start_lw_constant[] __attribute__((weak));
extern "C" char __stop_lw_constant[] __attribute__((weak));

namespace loopwright_cuda {
namespace {

constexpr size_t kPage = 4096, kGap = 1 << 20, kDynamic = sizeof loopwright_cuda_dynamic_shared;

uintptr_t arena, arena_end, arena_used;
Array<Region> allocations;  // ascending, never moved to another place
Array<Region> objects;      // variables of the device and shared memory, ascending
Region dynamic_region;
Region *last_found;
uintptr_t readable_begin, readable_end;

uintptr_t start_of(const char *symbol) { return reinterpret_cast<uintptr_t>(symbol); }

Region *search(Array<Region> &among, uintptr_t address) {
    // The last one that begins at or before `address`.
    size_t low = 0, high = among.size;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (among[middle].begin <= address) low = middle + 1;
        else high = middle;
    }
    return low ? &among[low - 1] : nullptr;
}

void add_object(uintptr_t begin, size_t size, Kind kind, const char *name) {
    Region region{};
    region.begin = begin;
    region.end = begin + size;
    region.kind = kind;
    region.granule = 4;
    // The innermost name of a mangled one: _ZZ6kernelPfE4tile is tile.
    const char *shown = name;
    char plain[80] = "";
    if (!strncmp(name, "_Z", 2)) {
        for (const char *at = name; *at; at++) {
            if (*at < '1' || *at > '9') continue;
            char *after;
            size_t length = strtoul(at, &after, 10);
            if (length && length < sizeof plain && strlen(after) >= length) {
                snprintf(plain, sizeof plain, "%.*s", int(length), after);
                at = after + length - 1;
            } else {
                at = after - 1;
            }
        }
        if (*plain) shown = plain;
    }
    snprintf(region.name, sizeof region.name, "%s", shown);
    objects.add(region);
    for (size_t i = objects.size - 1; i && objects[i - 1].begin > objects[i].begin; i--) {
        Region other = objects[i - 1];
        objects[i - 1] = objects[i];
        objects[i] = other;
    }
}

int note_thread_local(dl_phdr_info *info, size_t, void *base) {
    *static_cast<uintptr_t *>(base) = uintptr_t(info->dlpi_tls_data);
    return 1;  // the executable comes first
}

// The objects of the executable that are on the device, from its symbol table.
void read_symbols() {
    uintptr_t thread_local_base = 0;
    dl_iterate_phdr(note_thread_local, &thread_local_base);
    int file = open("/proc/self/exe", O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status)) return;
    void *mapped = mmap(nullptr, size_t(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return;
    const char *image = static_cast<const char *>(mapped);
    const ElfW(Ehdr) *header = reinterpret_cast<const ElfW(Ehdr) *>(image);
    const ElfW(Shdr) *sections = reinterpret_cast<const ElfW(Shdr) *>(image + header->e_shoff);
    for (int s = 0; s < header->e_shnum; s++) {
        if (sections[s].sh_type != SHT_SYMTAB) continue;
        const ElfW(Sym) *symbols = reinterpret_cast<const ElfW(Sym) *>(image + sections[s].sh_offset);
        const char *names = image + sections[sections[s].sh_link].sh_offset;
        for (size_t i = 0; i < sections[s].sh_size / sizeof *symbols; i++) {
            const ElfW(Sym) &symbol = symbols[i];
            int type = symbol.st_info & 15;
            if (symbol.st_shndx == SHN_UNDEF || !symbol.st_size) continue;
            const char *name = names + symbol.st_name;
            uintptr_t address = symbol.st_value + executable_base();
            if (type == STT_TLS) add_object(thread_local_base + symbol.st_value, symbol.st_size, Kind::Shared, name);
            else if (type == STT_OBJECT && address >= start_of(__start_lw_device) && address < start_of(__stop_lw_device))
                add_object(address, symbol.st_size, Kind::Variable, name);
            else if (type == STT_OBJECT && address >= start_of(__start_lw_constant) && address < start_of(__stop_lw_constant))
                add_object(address, symbol.st_size, Kind::Constant, name);
        }
    }
    munmap(mapped, size_t(status.st_size));
}

bool reads_only(uintptr_t address) {
    if (address >= readable_begin && address < readable_end) return true;
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps) return false;
    char line[512], rights[5];
    unsigned long begin, end;
    bool found = false;
    while (!found && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %4s", &begin, &end, rights) == 3 && address >= begin && address < end) {
            found = rights[0] == 'r' && rights[1] == '-';
            if (found) readable_begin = begin, readable_end = end;
            break;
        }
    fclose(maps);
    return found;
}

}  // namespace

void start_memory() {
    for (size_t size = size_t(1) << 40; size >= size_t(1) << 32; size >>= 1) {
        void *memory = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) continue;
        arena = uintptr_t(memory);
        arena_used = arena + kGap;  // room for an index before the start of the first one
        arena_end = arena + size;
        break;
    }
    if (!arena) {
        fprintf(stderr, "loopwright: no address space for device memory\n");
        _exit(70);
    }
    read_symbols();
    dynamic_region.begin = start_of(loopwright_cuda_dynamic_shared);
    dynamic_region.kind = Kind::DynamicShared;
    dynamic_region.granule = 4;
    snprintf(dynamic_region.name, sizeof dynamic_region.name, "dynamic shared memory");
}

void open_device(bool open) {
    if (arena_used > arena && mprotect(reinterpret_cast<void *>(arena), arena_used - arena,
                                       open ? PROT_READ | PROT_WRITE : PROT_NONE))
        abort();
}

Region *find(uintptr_t address) {
    Region *found = last_found;
    if (found && address >= found->begin && address < found->end) return found;
    if (is_device(address)) found = search(allocations, address);
    else if (address - dynamic_region.begin < kDynamic) found = &dynamic_region;
    else found = search(objects, address);
    if (!found || address >= found->end) return nullptr;
    return last_found = found;
}

Region *nearest(uintptr_t address) {
    bool device = is_device(address);
    if (!device && address - dynamic_region.begin < kDynamic) return &dynamic_region;
    Array<Region> &among = device ? allocations : objects;
    Region *before = search(among, address);
    Region *after = before ? (before + 1 < among.data + among.size ? before + 1 : nullptr) : among.size ? &among[0] : nullptr;
    if (before && address < before->end) return before;
    if (before && after && after->begin - address < address - before->end) before = after;
    Region *best = before ? before : after;
    if (!best) return nullptr;
    uintptr_t away = address >= best->end ? address - best->end : address < best->begin ? best->begin - address : 0;
    // Beside variables of the device lie those of the host; shared memory has its neighbourhood to itself.
    bool near = best->kind == Kind::Shared ? away < 16384 : away < 64;
    return device || near ? best : nullptr;
}

bool is_device(uintptr_t address) { return address - arena < arena_end - arena; }

bool is_variable(uintptr_t address) {
    return (address >= start_of(__start_lw_device) && address < start_of(__stop_lw_device)) ||
           (address >= start_of(__start_lw_constant) && address < start_of(__stop_lw_constant));
}

bool is_index(uintptr_t address) { return address >= start_of(__start_lw_indices) && address < start_of(__stop_lw_indices); }

bool is_private(uintptr_t address) {
    return on_own_stack(address) || (address >= machine.parameters && address < machine.parameters_end) ||
           reads_only(address);
}

void poison_shared(size_t dynamic_bytes) {
    for (size_t i = 0; i < objects.size; i++)
        if (objects[i].kind == Kind::Shared) {
            uint16_t *at = reinterpret_cast<uint16_t *>(objects[i].begin);
            for (; uintptr_t(at + 1) <= objects[i].end; at++) *at = 0xfff7;  // halves of a NaN
        }
    dynamic_region.end = dynamic_region.begin + dynamic_bytes;
    for (size_t i = 0; i + 1 < dynamic_bytes; i += 2) *reinterpret_cast<uint16_t *>(loopwright_cuda_dynamic_shared + i) = 0xfff7;
}

const char *what_is(uintptr_t address, uintptr_t size, char *text, size_t room) {
    Region *region = nearest(address);
    if (!region) {
        const char *what = address < 65536              ? "a null pointer"
                           : is_device(address)         ? "device memory that was never allocated"
                           : on_a_stack(address)        ? "the local memory of another thread"
                           : machine.in_kernel          ? "host memory"
                                                        : "no memory";
        snprintf(text, room, "%s", what);
        return text;
    }
    const char *kinds[] = {"device memory", "managed memory", "pinned host memory", "a device variable",
                           "constant memory", "shared memory", "shared memory"};
    char object[160];
    size_t bytes = region->end - region->begin;
    if (*region->name) snprintf(object, sizeof object, "%s (%zu bytes of %s)", region->name, bytes, kinds[int(region->kind)]);
    else snprintf(object, sizeof object, "%zu bytes of %s", bytes, kinds[int(region->kind)]);
    if (region->freed) snprintf(text, room, "%s that were freed", object);
    else if (address == region->end) snprintf(text, room, "just past the end of %s", object);
    else if (address > region->end) snprintf(text, room, "%zu bytes past the end of %s", address - region->end, object);
    else if (address < region->begin) snprintf(text, room, "%zu bytes before %s", region->begin - address, object);
    else if (address + size > region->end) snprintf(text, room, "across the end of %s", object);
    else snprintf(text, room, "%s", object);
    return text;
}

}  // namespace loopwright_cuda

using namespace loopwright_cuda;

extern "C" cudaError_t loopwright_cuda_set_error(cudaError_t error);

extern "C" cudaError_t loopwright_cuda_allocate(void **address, size_t size, int kind) {
    uintptr_t pc = uintptr_t(__builtin_return_address(0));
    if (machine.in_kernel) fatal("refused", "allocating in a kernel is not emulated", pc);
    if (size > arena_end - arena_used || size > size_t(1) << 37) return loopwright_cuda_set_error(cudaErrorMemoryAllocation);
    *address = nullptr;
    if (!size) return cudaSuccess;
    Region region{};
    region.begin = arena_used;
    if (kind != kDevice) {
        // Memory that the host may touch, too, lies outside what is closed to it.
        void *memory = mmap(nullptr, (size + 2 * kPage - 1) / kPage * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) return loopwright_cuda_set_error(cudaErrorMemoryAllocation);
        region.begin = uintptr_t(memory);
    }
    region.end = region.begin + size;
    region.kind = kind == kDevice ? Kind::Device : kind == kManaged ? Kind::Managed : Kind::Pinned;
    region.granule = 4;
    region.site = pc;
    if (kind == kDevice) {
        // As far from the next one as an index that is wrong by a whole array may lead.
        size_t gap = size > kGap ? size : kGap;
        arena_used = (region.end + gap + kPage - 1) / kPage * kPage;
        if (arena_used > arena_end) arena_used = arena_end;
        if (mprotect(reinterpret_cast<void *>(region.begin), (size + kPage - 1) / kPage * kPage, PROT_READ | PROT_WRITE))
            return loopwright_cuda_set_error(cudaErrorMemoryAllocation);
        uint16_t *halves = reinterpret_cast<uint16_t *>(region.begin);
        for (size_t i = 0; i < size / 2; i++) halves[i] = 0xfff7;
        open_device(false);
        allocations.add(region);
    } else {
        objects.add(region);
        for (size_t i = objects.size - 1; i && objects[i - 1].begin > objects[i].begin; i--) {
            Region other = objects[i - 1];
            objects[i - 1] = objects[i];
            objects[i] = other;
        }
    }
    last_found = nullptr;
    *address = reinterpret_cast<void *>(region.begin);
    return cudaSuccess;
}

extern "C" void loopwright_cuda_call_it(void *allocation, const char *name) {
    Region *region = find(uintptr_t(allocation));
    if (region) snprintf(region->name, sizeof region->name, "%s", name);
}

namespace {
cudaError_t release(const char *call, void *address, uintptr_t pc) {
    if (!address) return cudaSuccess;
    Region *region = find(uintptr_t(address));
    if (!region || region->begin != uintptr_t(address) || region->freed) {
        char text[300];
        snprintf(text, sizeof text, "%s is given what %s", call,
                 region && region->freed ? "was freed before" : "no allocation begins with");
        fatal("fault", text, pc);
    }
    region->freed = true;
    if (region->cells) munmap(region->cells, (region->end - region->begin + region->granule - 1) / region->granule * sizeof(Cell));
    region->cells = nullptr;
    madvise(address, (region->end - region->begin + kPage - 1) / kPage * kPage, MADV_DONTNEED);
    return cudaSuccess;
}
}  // namespace

extern "C" cudaError_t loopwright_cuda_free(const char *call, void *address) {
    return release(call, address, uintptr_t(__builtin_return_address(0)));
}
