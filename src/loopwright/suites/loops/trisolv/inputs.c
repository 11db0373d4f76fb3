/* Inputs that keep the algorithm stable without pivoting. Every number is a power of two times an integer
 * plus an integer, so that all compilers give the same bits. */
#include <stddef.h>
#include <stdint.h>

static uint64_t mixed(uint64_t seed, uint64_t i, uint64_t j)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + i * 0xd1342543de82ef95u + j * 0x2545f4914f6cdd1du;
    z ^= z >> 32;
    z *= 0xd6e8feb86659fd93u;
    z ^= z >> 32;
    z *= 0xd6e8feb86659fd93u;
    return z ^ (z >> 32);
}

/* In [-1, 1), all bits random. */
static double random_entry(uint64_t seed, uint64_t i, uint64_t j)
{
    return (double)(int64_t)mixed(seed, i, j) * 0x1p-63;
}

static size_t order_of(size_t count)
{
    size_t n = 0;
    while ((n + 1) * (n + 1) <= count) {
        n++;
    }
    return n;
}

/* A general matrix whose diagonal outweighs the rest of each row. */
void dominant_matrix(void *data, size_t count, uint64_t seed)
{
    double *a = data;
    size_t n = order_of(count);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            a[i * n + j] = random_entry(seed, i, j) + (i == j ? (double)(n + 1) : 0.0);
        }
    }
}
