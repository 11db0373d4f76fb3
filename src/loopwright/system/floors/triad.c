/* Bytes per second that N threads can move, from memory and from the first-level cache.

   usage: triad THREADS BYTES_PER_ARRAY SECONDS_PER_KERNEL
   prints one line a kernel: NAME BYTES_PER_SECOND

   Bytes are those that the kernel names: a load and a store count once each (the convention of McCalpin's
   STREAM). A plain store makes most processors read the line first; that read is not counted, so kernels that
   cause it come out lower. Those that do not (reads only, or stores past the cache) show what the memory
   really delivers, and the caller takes the highest figure.

   Each thread works on its own part of the arrays and is the first to touch it, so that the pages lie in the
   memory nearest to it. */
#define _GNU_SOURCE
#include "team.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define WIDTH 64
#elif defined(__AVX__)
#define WIDTH 32
#else
#define WIDTH 16
#endif

typedef double vec __attribute__((vector_size(WIDTH), aligned(WIDTH), may_alias));

#define HUGE_PAGE ((size_t)2 << 20)
#define L1_BYTES ((size_t)5 << 10) /* of each of three arrays; no two begin at the same offset in a 4 KiB page */
#define L1_SWEEPS 2000
#define PIECE_BYTES ((size_t)4 << 20)

static void store_past_cache(vec *target, vec value) {
#if defined(__clang__)
    __builtin_nontemporal_store(value, target);
#elif defined(__AVX512F__)
    _mm512_stream_pd((double *)target, (__m512d)value);
#elif defined(__AVX__)
    _mm256_stream_pd((double *)target, (__m256d)value);
#elif defined(__SSE2__)
    _mm_stream_pd((double *)target, (__m128d)value);
#else
    *target = value; /* such cores find out by themselves that whole lines are written */
#endif
}

static void finish_stores(void) {
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

typedef struct {
    team_t *team;
    int rank;
    vec *a, *b, *c; /* this thread's part of each array */
    size_t pieces, length; /* the part is worked on and timed in pieces of `length` vectors, a multiple of 32 */
    int sweeps;
    vec sum;
} part_t;

static const vec zero;

static void sum_one_stream(void *argument, size_t piece) {
    part_t *p = argument;
    vec s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
    for (int sweep = 0; sweep < p->sweeps; sweep++) {
        const vec *b = p->b + piece * p->length;
        for (size_t i = 0; i < p->length; i += 8) {
            s0 += b[i], s1 += b[i + 1], s2 += b[i + 2], s3 += b[i + 3];
            s4 += b[i + 4], s5 += b[i + 5], s6 += b[i + 6], s7 += b[i + 7];
        }
        __asm__ volatile("" ::: "memory");
    }
    p->sum = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
}

/* Four places at once keep more lines in flight than one on cores with a shallow prefetcher. */
static void sum_four_streams(void *argument, size_t piece) {
    part_t *p = argument;
    size_t quarter = p->length / 4;
    const vec *b0 = p->b + piece * p->length, *b1 = b0 + quarter, *b2 = b1 + quarter, *b3 = b2 + quarter;
    vec s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
    for (size_t i = 0; i < quarter; i += 2) {
        s0 += b0[i], s1 += b1[i], s2 += b2[i], s3 += b3[i];
        s4 += b0[i + 1], s5 += b1[i + 1], s6 += b2[i + 1], s7 += b3[i + 1];
    }
    p->sum = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
}

static void copy(void *argument, size_t piece) {
    part_t *p = argument;
    vec *restrict a = p->a + piece * p->length;
    const vec *restrict b = p->b + piece * p->length;
    for (size_t i = 0; i < p->length; i++) a[i] = b[i];
}

static void copy_past_cache(void *argument, size_t piece) {
    part_t *p = argument;
    for (size_t i = piece * p->length; i < (piece + 1) * p->length; i++) store_past_cache(&p->a[i], p->b[i]);
    finish_stores();
}

static void fill_past_cache(void *argument, size_t piece) {
    part_t *p = argument;
    for (size_t i = piece * p->length; i < (piece + 1) * p->length; i++) store_past_cache(&p->a[i], zero);
    finish_stores();
}

static void triad(void *argument, size_t piece) {
    part_t *p = argument;
    const vec scale = zero + 3.0;
    for (int sweep = 0; sweep < p->sweeps; sweep++) {
        vec *restrict a = p->a + piece * p->length;
        const vec *restrict b = p->b + piece * p->length, *restrict c = p->c + piece * p->length;
        for (size_t i = 0; i < p->length; i += 4) {
            a[i] = b[i] + scale * c[i];
            a[i + 1] = b[i + 1] + scale * c[i + 1];
            a[i + 2] = b[i + 2] + scale * c[i + 2];
            a[i + 3] = b[i + 3] + scale * c[i + 3];
        }
        __asm__ volatile("" ::: "memory");
    }
}

static void triad_past_cache(void *argument, size_t piece) {
    part_t *p = argument;
    const vec scale = zero + 3.0;
    for (size_t i = piece * p->length; i < (piece + 1) * p->length; i++)
        store_past_cache(&p->a[i], p->b[i] + scale * p->c[i]);
    finish_stores();
}

static void measure(part_t *part, const char *name, void (*work)(void *, size_t), int arrays) {
    double bytes = (double)part->length * WIDTH * arrays * part->sweeps;
    report(part->team, part->rank, name, bytes / best_time(part->team, part->rank, part->pieces, work, part));
}

/* The same loops over data that stay in the first-level cache. */
static void measure_cache(part_t part) {
    _Alignas(64) static __thread char room[3 * L1_BYTES];
    memset(room, 0, sizeof room);
    part.a = (vec *)room, part.b = (vec *)(room + L1_BYTES), part.c = (vec *)(room + 2 * L1_BYTES);
    part.pieces = 1;
    part.length = L1_BYTES / WIDTH;
    part.sweeps = L1_SWEEPS;
    measure(&part, "cache_triad", triad, 3);
    part.length = 3 * L1_BYTES / WIDTH;
    part.b = (vec *)room;
    measure(&part, "cache_sum", sum_one_stream, 1);
}

static void *member(void *argument) {
    part_t *part = argument;
    size_t bytes = part->pieces * part->length * WIDTH;
    memset(part->a, 0, bytes);
    memset(part->b, 0, bytes);
    memset(part->c, 0, bytes);
    const struct {
        const char *name;
        void (*work)(void *, size_t);
        int arrays;
    } kernels[] = {
        {"memory_sum", sum_one_stream, 1},   {"memory_sum4", sum_four_streams, 1},
        {"memory_copy", copy, 2},            {"memory_copy_nt", copy_past_cache, 2},
        {"memory_triad", triad, 3},          {"memory_triad_nt", triad_past_cache, 3},
        {"memory_fill_nt", fill_past_cache, 1},
    };
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
        measure(part, kernels[k].name, kernels[k].work, kernels[k].arrays);
    measure_cache(*part);
    return NULL;
}

/* Arrays that begin at the same offset in a 4 KiB page would make loads wait for unrelated stores. */
static char *whole_pages(size_t bytes, size_t shift) {
    char *room = mmap(NULL, bytes + 2 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) {
        fprintf(stderr, "cannot get %zu bytes of memory\n", bytes);
        exit(1);
    }
    room = (char *)(((uintptr_t)room + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
#ifdef MADV_HUGEPAGE
    madvise(room, bytes + HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return room + shift;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s THREADS BYTES_PER_ARRAY SECONDS_PER_KERNEL\n", argv[0]);
        return 2;
    }
    team_t team = {.size = atoi(argv[1]), .seconds = atof(argv[3])};
    size_t block = 32 * (size_t)WIDTH;
    size_t wanted = strtoull(argv[2], NULL, 10) / (size_t)(team.size > 0 ? team.size : 1);
    size_t pieces = wanted > PIECE_BYTES ? wanted / PIECE_BYTES : 1;
    size_t length = wanted / pieces / block * 32, part_bytes = pieces * length * WIDTH;
    if (team.size < 1 || part_bytes == 0) {
        fprintf(stderr, "need at least one thread and %zu bytes for each\n", block);
        return 2;
    }
    size_t bytes = part_bytes * (size_t)team.size;
    char *a = whole_pages(bytes, 0), *b = whole_pages(bytes, 1088), *c = whole_pages(bytes, 2176);
    part_t *parts = aligned_alloc(64, (sizeof(part_t) * (size_t)team.size + 63) / 64 * 64);
    if (!parts) return 1;
    for (int rank = 0; rank < team.size; rank++) {
        size_t offset = (size_t)rank * part_bytes;
        parts[rank] = (part_t){.team = &team, .rank = rank,
                               .sweeps = 1, .pieces = pieces, .length = length,
                               .a = (vec *)(a + offset), .b = (vec *)(b + offset), .c = (vec *)(c + offset)};
    }
    run_team(&team, member, parts, sizeof *parts);
    double kept = 0;
    for (int rank = 0; rank < team.size; rank++) kept += parts[rank].sum[0];
    free(parts);
    return kept != 0; /* the arrays hold zeros: uses the sums, so that no compiler drops the loops */
}
