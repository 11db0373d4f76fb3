/* What is done around one call of the kernel: inputs that it has not seen, poisoned outputs, and looks at
 * what it left. Part of the driver that Loopwright writes around a kernel.
 *
 * While a kernel is timed, every call finds other inputs, made of random numbers that are drawn right before
 * it: an answer kept from an earlier call (by pointer, by size, by content) is a wrong one, and nothing can be
 * computed in advance. Which call's outputs are kept for comparison is drawn after the call.
 */
#ifndef LOOPWRIGHT_ROUNDS_H
#define LOOPWRIGHT_ROUNDS_H

#include "loopwright_inputs.h"
#include "loopwright_machine.h"

#define LW_SPOTS 64

/* Elements of the outputs as they were right after the call. */
typedef struct {
    const lw_array *array;
    size_t offset;
    unsigned char seen[8];
} lw_spot;

static lw_spot lw_spots[LW_SPOTS];
static size_t lw_spot_count;

/* Whether any order of the elements is as good an input as any other. */
static int lw_is_turnable(const lw_array *array)
{
    return array->role != LW_OUT && (array->init == LW_UNIFORM || array->init == LW_NORMAL ||
                                     array->init == LW_INDEX || array->init == LW_PERMUTATION);
}

/* Bytes by which the content of an array is turned for `nonce`; 0 is the case's own input. */
static size_t lw_turn_of(const lw_array *array, uint64_t nonce)
{
    if (nonce == 0 || array->count < 2 || !lw_is_turnable(array))
        return 0;
    return array->size * (1 + lw_below(lw_bits(lw_mix(nonce), array->position), array->count - 1));
}

/* Puts the inputs of `nonce` into arrays that get them before every call, and poison into the outputs. */
static void lw_restore(uint64_t seed, uint64_t nonce)
{
    size_t i;
    for (i = 0; i < lw_table_length; i++) {
        const lw_array *array = &lw_table[i];
        const size_t turn = lw_turn_of(array, nonce), rest = array->bytes - turn;
        if (array->role == LW_OUT) {
            lw_poison(array);
        } else if (array->pristine != NULL) {
            memcpy(array->data, array->pristine + turn, rest);
            memcpy(array->data + rest, array->pristine, turn);
        } else if (nonce != 0 && lw_is_remade(array)) {
            const uint64_t stream = lw_stream_of(array, seed);
            lw_fill_part(array, array->data, stream, turn / array->size, rest / array->size);
            lw_fill_part(array, array->data + rest, stream, 0, turn / array->size);
        }
    }
}

/* Whether `bytes` of the data, from byte `from` on, are those at `expected`; else the end, with the place. */
static void lw_compare_input(const lw_array *array, const unsigned char *expected, size_t from, size_t bytes)
{
    size_t at;
    if (memcmp(array->data + from, expected, bytes) == 0)
        return;
    for (at = 0; array->data[from + at] == expected[at]; at++)
        continue;
    lw_report_access(LW_EXIT_INPUT_MODIFIED, array, "write", (int64_t)(from + at));
}

/* Makes the elements from number `first` on once more, a cacheful at a time, and compares them with `bytes`
 * of the data from byte `from` on. */
static void lw_compare_remade(const lw_array *array, uint64_t stream, size_t first, size_t from, size_t bytes)
{
    static unsigned char piece[16 * 1024];
    size_t done;
    for (done = 0; done < bytes; done += sizeof piece) {
        const size_t now = bytes - done < sizeof piece ? bytes - done : sizeof piece;
        lw_fill_part(array, piece, stream, first + done / array->size, now / array->size);
        lw_compare_input(array, piece, from + done, now);
    }
}

/* An input is compared with what it was made from, made once more or kept as a copy, or by digest; then it is
 * made once more to find the place. */
static void lw_check_inputs(uint64_t seed, uint64_t nonce)
{
    size_t i;
    for (i = 0; i < lw_table_length; i++) {
        const lw_array *array = &lw_table[i];
        const size_t turn = lw_turn_of(array, nonce), rest = array->bytes - turn;
        if (array->role != LW_IN)
            continue;
        if (array->pristine != NULL) {
            lw_compare_input(array, array->pristine + turn, 0, rest);
            lw_compare_input(array, array->pristine, rest, turn);
        } else if (lw_is_remade(array)) {
            const uint64_t stream = lw_stream_of(array, seed);
            lw_compare_remade(array, stream, turn / array->size, 0, rest);
            lw_compare_remade(array, stream, 0, rest, turn);
        } else if (lw_digest(array->data, array->bytes) != array->digest) {
            unsigned char *fresh = lw_map(array->bytes, array->name);
            lw_fill(array, fresh, seed);
            lw_compare_input(array, fresh, 0, array->bytes);
        }
    }
}

static uint64_t lw_digest_outputs(void)
{
    uint64_t digest = 0;
    size_t i;
    for (i = 0; i < lw_table_length; i++)
        if (lw_table[i].role != LW_IN)
            digest = lw_mix(digest ^ lw_digest(lw_table[i].data, lw_table[i].bytes));
    return digest;
}

/* Notes random elements of the outputs, as soon as the kernel is back. */
static void lw_look(uint64_t random)
{
    size_t i, outputs = 0;
    lw_spot_count = 0;
    for (i = 0; i < lw_table_length; i++)
        outputs += lw_table[i].role != LW_IN && lw_table[i].count > 0;
    for (i = 0; i < lw_table_length && outputs > 0; i++) {
        const lw_array *array = &lw_table[i];
        size_t share = LW_SPOTS / outputs;
        if (array->role == LW_IN || array->count == 0)
            continue;
        for (share += share == 0; share > 0 && lw_spot_count < LW_SPOTS; share--) {
            lw_spot *spot = &lw_spots[lw_spot_count];
            spot->array = array;
            spot->offset = array->size * lw_below(lw_bits(random, lw_spot_count), array->count);
            memcpy(spot->seen, array->data + spot->offset, array->size);
            lw_spot_count++;
        }
    }
}

/* Whether they are what they were: a thread that goes on working behind the clock's back fills them now. */
static void lw_look_again(void)
{
    size_t i;
    for (i = 0; i < lw_spot_count; i++)
        if (memcmp(lw_spots[i].seen, lw_spots[i].array->data + lw_spots[i].offset, lw_spots[i].array->size) != 0)
            lw_die(LW_EXIT_LATE, "changed after the kernel had returned", lw_spots[i].array->name, "");
}

/* Guard pages are closed still, and nobody else handles faults: else nothing could be said of the bounds. */
static void lw_check_guards(uint64_t handler)
{
    size_t i;
    if (lw_fault_handler() != handler)
        lw_die(LW_EXIT_GUARD, "the kernel handles memory faults itself", "SIGSEGV", "");
    for (i = 0; i < lw_table_length; i++) {
        const lw_array *array = &lw_table[i];
        if (lw_is_open(array->pages - 64) || lw_is_open(array->pages + array->page_bytes))
            lw_die(LW_EXIT_GUARD, "the kernel opened the memory around an array", array->name, "");
    }
}

static void lw_keep_outputs(void)
{
    size_t i;
    for (i = 0; i < lw_table_length; i++)
        if (lw_table[i].kept != NULL)
            memcpy(lw_table[i].kept, lw_table[i].data, lw_table[i].bytes);
}

#endif
