/* Floating-point operations per second that N threads can do on data in registers.

   usage: fma THREADS SECONDS_PER_KERNEL
   prints one line a kernel: NAME OPERATIONS_PER_SECOND

   Independent chains x = x * q + q hide the latency of the multiply-add. Cores with adders beside their
   multiply-add units (Zen, Golden Cove) do more operations when additions are mixed in, hence the kernels
   `mixed`. Vectors are the compilers' own extension, in every width that the processor has: the widest is not the
   fastest everywhere. The caller takes the highest figure. */
#define _GNU_SOURCE
#include "team.h"

#define STEPS 200000

typedef struct {
    team_t *team;
    int rank;
    double sum;
} part_t;

/* Kept from the compiler, which could otherwise do the whole computation itself. q = 1/2 tends to a fixed
   point of 1: no overflow, no denormal numbers. */
static volatile double q_source = 0.5, x_source = 0.25;

#define CHAINS_7(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
#define CHAINS_8(DO) CHAINS_7(DO) DO(7)
#define CHAINS_12(DO) CHAINS_8(DO) DO(8) DO(9) DO(10) DO(11)
#define CHAINS_24(DO) \
    CHAINS_12(DO) DO(12) DO(13) DO(14) DO(15) DO(16) DO(17) DO(18) DO(19) DO(20) DO(21) DO(22) DO(23)

#define START_X(k) vec x##k = q * (scalar)(x_source + k);
#define START_Y(k) vec y##k = q * (scalar)(x_source - k);
#define MULTIPLY_ADD(k) x##k = x##k * q + q;
#define ADD(k) y##k = y##k + q;
#define COLLECT_X(k) sum += x##k;
#define COLLECT_Y(k) sum += y##k;
#define NOTHING(DO)

/* Both, because how the steps fall on the decoder's windows is worth 8 % and differs by compiler. */
#define ONCE "GCC unroll 1"
#define TWICE "GCC unroll 2"

#define KERNEL(NAME, SCALAR, BYTES, FMAS, ADDS, UNROLL)                  \
    static void NAME(void *argument, size_t piece) {                     \
        (void)piece;                                                     \
        typedef SCALAR scalar;                                           \
        typedef SCALAR vec __attribute__((vector_size(BYTES)));          \
        part_t *part = argument;                                         \
        vec sum = {0};                                                   \
        vec q = sum + (scalar)q_source;                                  \
        FMAS(START_X)                                                    \
        ADDS(START_Y)                                                    \
        _Pragma(UNROLL)                                                  \
        for (int step = 0; step < STEPS; step++) {                       \
            FMAS(MULTIPLY_ADD)                                           \
            ADDS(ADD)                                                    \
        }                                                                \
        FMAS(COLLECT_X)                                                  \
        ADDS(COLLECT_Y)                                                  \
        for (size_t i = 0; i < BYTES / sizeof(scalar); i++) part->sum += (double)sum[i]; \
    }

#define KERNELS(BYTES)                                                   \
    KERNEL(f64_fma12_##BYTES, double, BYTES, CHAINS_12, NOTHING, ONCE)         \
    KERNEL(f64_fma24_##BYTES, double, BYTES, CHAINS_24, NOTHING, ONCE)         \
    KERNEL(f64_mixed_##BYTES, double, BYTES, CHAINS_8, CHAINS_7, ONCE)   \
    KERNEL(f64_mixed2_##BYTES, double, BYTES, CHAINS_8, CHAINS_7, TWICE) \
    KERNEL(f32_fma12_##BYTES, float, BYTES, CHAINS_12, NOTHING, ONCE)          \
    KERNEL(f32_fma24_##BYTES, float, BYTES, CHAINS_24, NOTHING, ONCE)          \
    KERNEL(f32_mixed_##BYTES, float, BYTES, CHAINS_8, CHAINS_7, ONCE)    \
    KERNEL(f32_mixed2_##BYTES, float, BYTES, CHAINS_8, CHAINS_7, TWICE)

/* Both widths of a number in turn: a machine that changes its speed is then measured for both at either. */
#define ROWS(BYTES)                                                      \
    {"f64_fma12_" #BYTES, f64_fma12_##BYTES, 24 * BYTES / 8},            \
    {"f32_fma12_" #BYTES, f32_fma12_##BYTES, 24 * BYTES / 4},            \
    {"f64_fma24_" #BYTES, f64_fma24_##BYTES, 48 * BYTES / 8},            \
    {"f32_fma24_" #BYTES, f32_fma24_##BYTES, 48 * BYTES / 4},            \
    {"f64_mixed_" #BYTES, f64_mixed_##BYTES, 23 * BYTES / 8},            \
    {"f32_mixed_" #BYTES, f32_mixed_##BYTES, 23 * BYTES / 4},            \
    {"f64_mixed2_" #BYTES, f64_mixed2_##BYTES, 23 * BYTES / 8},          \
    {"f32_mixed2_" #BYTES, f32_mixed2_##BYTES, 23 * BYTES / 4},

#if defined(__AVX512F__)
KERNELS(64)
#endif
#if defined(__AVX__)
KERNELS(32)
#else
KERNELS(16)
#endif

static const struct {
    const char *name;
    void (*work)(void *, size_t);
    int operations; /* in one step */
} kernels[] = {
#if defined(__AVX512F__)
    ROWS(64)
#endif
#if defined(__AVX__)
    ROWS(32)
#else
    ROWS(16)
#endif
};

static void *member(void *argument) {
    part_t *part = argument;
    team_t *team = part->team;
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        double best = best_time(team, part->rank, 1, kernels[k].work, part);
        report(team, part->rank, kernels[k].name, (double)kernels[k].operations * STEPS / best);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s THREADS SECONDS_PER_KERNEL\n", argv[0]);
        return 2;
    }
    team_t team = {.size = atoi(argv[1]), .seconds = atof(argv[2])};
    if (team.size < 1) {
        fprintf(stderr, "need at least one thread\n");
        return 2;
    }
    part_t *parts = calloc((size_t)team.size, sizeof *parts);
    if (!parts) return 1;
    for (int rank = 0; rank < team.size; rank++) parts[rank] = (part_t){.team = &team, .rank = rank};
    run_team(&team, member, parts, sizeof *parts);
    double kept = 0;
    for (int rank = 0; rank < team.size; rank++) kept += parts[rank].sum;
    free(parts);
    return kept == 0; /* uses the sums, so that no compiler drops the loops */
}
