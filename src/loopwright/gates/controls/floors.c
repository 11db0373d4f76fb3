/* The control of the floors gate: as much work as this machine can do in a short time, or none of it.

   usage: floors KIND AMOUNT THREADS
   bytes: AMOUNT bytes are read from the first-level cache. flops: AMOUNT operations are done in registers.
   With AMOUNT 0 the program does nothing, and pretends that it did. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define WIDTH 64
#elif defined(__AVX__)
#define WIDTH 32
#else
#define WIDTH 16
#endif

typedef double wide __attribute__((vector_size(WIDTH)));
typedef float wide_single __attribute__((vector_size(WIDTH)));

#define MOST_THREADS 1024
#define ROOM 320   /* vectors: 10 KiB where vectors have 32 bytes */
#define CHAINS 12

static long long share;
static double kept[MOST_THREADS];
static volatile double start_value = 0.5;

static void *read_bytes(void *rank)
{
    wide room[ROOM], sum[8];
    memset(room, 0, sizeof room);
    memset(sum, 0, sizeof sum);
    for (long long done = 0; done < share; done += sizeof room) {
        for (int i = 0; i < ROOM; i += 8)
            for (int k = 0; k < 8; k++)
                sum[k] += room[i + k];
        __asm__ volatile("" ::: "memory");
    }
    for (int k = 0; k < 8; k++)
        kept[(long)rank] += sum[k][0];
    return NULL;
}

static void *do_operations(void *rank)
{
    const wide_single q = (wide_single){0} + (float)start_value;
    wide_single x[CHAINS];
    for (int k = 0; k < CHAINS; k++)
        x[k] = q * (float)k;
    const long long a_step = 2LL * CHAINS * (WIDTH / 4);
    for (long long done = 0; done < share; done += a_step)
        for (int k = 0; k < CHAINS; k++)
            x[k] = x[k] * q + q;
    for (int k = 0; k < CHAINS; k++)
        kept[(long)rank] += x[k][0];
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int threads = atoi(argv[3]);
    if (threads < 1 || threads > MOST_THREADS)
        return 2;
    pthread_t team[MOST_THREADS];
    share = atoll(argv[2]) / threads;
    for (long rank = 0; rank < threads; rank++)
        if (pthread_create(&team[rank], NULL, strcmp(argv[1], "bytes") ? do_operations : read_bytes, (void *)rank))
            return 1;
    double sum = 0;
    for (long rank = 0; rank < threads; rank++) {
        pthread_join(team[rank], NULL);
        sum += kept[rank];
    }
    printf("%d\n", sum != -1);
    return 0;
}
