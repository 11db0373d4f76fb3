/* Seeded inputs. Part of the driver that Loopwright writes around a kernel.
 *
 * Element i of argument a under seed s depends on (s, a, i) alone: a counter-based generator built on
 * the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). Floating-point steps are kept apart
 * (lw_rounded), so that no compiler fuses or reorders them: every build gets the same bits.
 */
#ifndef LOOPWRIGHT_INPUTS_H
#define LOOPWRIGHT_INPUTS_H

#include "loopwright_arrays.h"

#define LW_GOLDEN UINT64_C(0x9e3779b97f4a7c15)

__extension__ typedef __int128 lw_wide;

static uint64_t lw_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Random bits number `counter` of a stream. */
static uint64_t lw_bits(uint64_t stream, uint64_t counter)
{
    return lw_mix(stream + LW_GOLDEN * (counter + 1));
}

/* A digest of memory, as a sum over its 64-bit words, so that it is fast and has no order of its own. */
static uint64_t lw_digest(const void *memory, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)memory;
    uint64_t sum = 0, word;
    size_t i;
    for (i = 0; i < bytes / 8; i++) {
        memcpy(&word, at + 8 * i, 8);
        sum += lw_mix(word + LW_GOLDEN * (i + 1));
    }
    if (bytes % 8 != 0) {
        word = 0;
        memcpy(&word, at + 8 * i, bytes % 8);
        sum += lw_mix(word + LW_GOLDEN * (i + 1));
    }
    return lw_mix(sum + bytes);
}

/* A real number in [0, 1) with 53 random bits. */
static double lw_unit(uint64_t bits)
{
    return (double)(bits >> 11) * (1.0 / 9007199254740992.0);
}

/* An integer in [0, span), by the high half of a product (Lemire, ACM TOMACS 29(1), 2019, unrejected). */
static uint64_t lw_below(uint64_t bits, uint64_t span)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)bits * span) >> 64);
}

static void lw_store_real(const lw_array *array, unsigned char *where, size_t i, double value)
{
    if (array->dtype == LW_F64) {
        memcpy(where + 8 * i, &value, 8);
    } else {
        const float narrow = (float)value;
        memcpy(where + 4 * i, &narrow, 4);
    }
}

static void lw_store(const lw_array *array, unsigned char *where, size_t i, lw_number value)
{
    if (array->dtype == LW_F64 || array->dtype == LW_F32)
        lw_store_real(array, where, i, value.real);
    else /* little-endian two's complement: the low bytes are the narrower number */
        memcpy(where + array->size * i, &value.integer, array->size);
}

static lw_number lw_whole(int64_t integer)
{
    lw_number number;
    number.integer = integer;
    number.real = (double)integer;
    return number;
}

/* `value` as a number of its own, which no compiler knows anything about: what it came from and what is
 * done with it are two operations. In a register, where we know how: through memory it takes much longer. */
static double lw_rounded(double value)
{
#if defined(__x86_64__)
    __asm__("" : "+x"(value));
    return value;
#elif defined(__aarch64__)
    __asm__("" : "+w"(value));
    return value;
#else
    volatile double stored = value;
    return stored;
#endif
}

/* low + (high - low) * part, rounded after every step. */
static double lw_between(double low, double high, double part)
{
    return lw_rounded(low + lw_rounded(lw_rounded(high - low) * part));
}

/* a / b, rounded once: -ffast-math would multiply by a reciprocal that it keeps. */
static double lw_quotient(double a, double b)
{
    return lw_rounded(a / lw_rounded(b));
}

/* Twelve uniform numbers added up, less six (Irwin-Hall): mean 0, deviation 1, within +-6. Chosen over
 * Box-Muller because it is exact integer arithmetic: no libm, the same bits everywhere. */
static double lw_normal(uint64_t stream, uint64_t i)
{
    int64_t sum = 0;
    int draw;
    for (draw = 0; draw < 6; draw++) {
        const uint64_t bits = lw_bits(stream, 6 * i + (uint64_t)draw);
        sum += (int64_t)(bits >> 32) + (int64_t)(bits & UINT32_MAX);
    }
    /* The centre of twelve numbers 0..2^32-1 is 6 * (2^32 - 1). */
    return (double)(sum - 6 * (int64_t)UINT32_MAX) * (1.0 / 4294967296.0);
}

/* The elements of a .npy file, whose header (checked by Loopwright) ends at the option `skip`. */
static void lw_fill_file(const lw_array *array, unsigned char *where)
{
    FILE *file = fopen(array->file, "rb");
    size_t got;
    if (file == NULL || fseek(file, (long)array->options[0].integer, SEEK_SET) != 0)
        lw_die(LW_EXIT_FILE, "cannot read input", array->file, strerror(errno));
    got = fread(where, 1, array->bytes, file);
    if (got != array->bytes || fgetc(file) != EOF)
        lw_die(LW_EXIT_FILE, "wrong length of input", array->file, array->name);
    fclose(file);
}

/* A random order of 0 .. count-1 (Fisher and Yates; Durstenfeld, CACM 7(7), 1964). */
static void lw_fill_permutation(const lw_array *array, unsigned char *where, uint64_t stream)
{
    const size_t size = array->size;
    unsigned char swapped[8];
    size_t i;
    for (i = 0; i < array->count; i++)
        lw_store(array, where, i, lw_whole((int64_t)i));
    for (i = array->count; i > 1; i--) {
        const size_t other = (size_t)lw_below(lw_bits(stream, i), i);
        memcpy(swapped, where + size * (i - 1), size);
        memmove(where + size * (i - 1), where + size * other, size);
        memcpy(where + size * other, swapped, size);
    }
}

/* Puts element i of a kind whose elements do not depend on each other into place `at` of `where`. */
static void lw_fill_element(const lw_array *array, unsigned char *where, size_t at, uint64_t stream, size_t i)
{
    const int real = array->dtype == LW_F64 || array->dtype == LW_F32;
    const lw_number first = array->options[0], second = array->options[1];
    const uint64_t bits = lw_bits(stream, i), count = array->count;
    const uint64_t span = (uint64_t)second.integer - (uint64_t)first.integer;
    double step;
    switch (array->init) {
    case LW_CONSTANT:
        lw_store(array, where, at, first);
        break;
    case LW_UNIFORM: /* integers: first <= x < second */
        if (real)
            lw_store_real(array, where, at, lw_between(first.real, second.real, lw_unit(bits)));
        else
            lw_store(array, where, at, lw_whole((int64_t)((uint64_t)first.integer + lw_below(bits, span))));
        break;
    case LW_NORMAL:
        step = lw_rounded(second.real * lw_normal(stream, i));
        lw_store_real(array, where, at, first.real + step);
        break;
    case LW_LINSPACE:
        if (count == 1)
            lw_store(array, where, at, first);
        else if (i + 1 == count)
            lw_store(array, where, at, second);
        else if (real)
            lw_store_real(array, where, at,
                          lw_between(first.real, second.real, lw_quotient((double)i, (double)(count - 1))));
        else
            lw_store(array, where, at,
                     lw_whole((int64_t)(first.integer +
                                        ((lw_wide)second.integer - first.integer) * (lw_wide)i /
                                            (lw_wide)(count - 1))));
        break;
    case LW_SORTED: /* one number out of each of `count` equal parts: ascending without sorting */
        if (real) {
            step = lw_rounded((double)i + lw_unit(bits));
            lw_store_real(array, where, at, lw_between(first.real, second.real, lw_quotient(step, (double)count)));
        } else {
            const lw_wide place = ((lw_wide)i << 32) + (lw_wide)(bits >> 32);
            lw_store(array, where, at,
                     lw_whole((int64_t)((lw_wide)first.integer +
                                        (lw_wide)((uint64_t)(((lw_wide)span * place / (lw_wide)count) >> 32)))));
        }
        break;
    case LW_INDEX: /* 0 <= x < first */
        lw_store(array, where, at, lw_whole((int64_t)lw_below(bits, (uint64_t)first.integer)));
        break;
    case LW_CSR_ROWPTR: { /* border i of `rows` lies within half a row of its even place */
        const uint64_t rows = count - 1;
        const lw_wide place = ((lw_wide)i << 32) - ((lw_wide)1 << 31) + (lw_wide)(bits >> 32);
        if (i == 0)
            lw_store(array, where, at, lw_whole(0));
        else if (i == rows)
            lw_store(array, where, at, first);
        else
            lw_store(array, where, at,
                     lw_whole((int64_t)(((lw_wide)first.integer * place / (lw_wide)rows) >> 32)));
        break;
    }
    default:
        break;
    }
}

/* The stream of random numbers of `array` under `seed`. */
static uint64_t lw_stream_of(const lw_array *array, uint64_t seed)
{
    return lw_mix(seed + LW_GOLDEN * (array->position + 1));
}

/* Whether a part of the array is made as fast as it is copied: then no copy is kept. Half of the memory that
 * a big array would take is saved, and getting memory takes longer than anything else that is done with it. */
static int lw_is_remade(const lw_array *array)
{
    return array->role != LW_OUT && (array->init == LW_ZEROS || array->init == LW_CONSTANT ||
                                     array->init == LW_UNIFORM || array->init == LW_INDEX);
}

/* Makes elements `first` .. `first` + `count` - 1 at `where`; not of a permutation, a file or a generator. */
static void lw_fill_part(const lw_array *array, unsigned char *where, uint64_t stream, size_t first, size_t count)
{
    size_t i;
    if (array->init == LW_ZEROS) {
        memset(where, 0, count * array->size);
    } else if (array->init == LW_UNIFORM && array->dtype == LW_F64) {
        const double low = array->options[0].real, high = array->options[1].real;
        for (i = 0; i < count; i++) {
            const double value = lw_between(low, high, lw_unit(lw_bits(stream, first + i)));
            memcpy(where + 8 * i, &value, 8);
        }
    } else {
        for (i = 0; i < count; i++)
            lw_fill_element(array, where, i, stream, first + i);
    }
}

/* Puts the initial value of `array` at `where`. */
static void lw_fill(const lw_array *array, unsigned char *where, uint64_t seed)
{
    const uint64_t stream = lw_stream_of(array, seed);
    switch (array->init) {
    case LW_PERMUTATION:
        lw_fill_permutation(array, where, stream);
        break;
    case LW_FILE:
        lw_fill_file(array, where);
        break;
    case LW_GENERATOR:
        array->generator(where, array->count, lw_mix(stream));
        break;
    default:
        lw_fill_part(array, where, stream, 0, array->count);
    }
}

#endif
