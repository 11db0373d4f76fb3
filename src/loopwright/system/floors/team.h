/* A team of threads that runs a piece of work again and again between barriers and keeps the best time.
   POSIX threads, so that any C compiler will do. */
#ifndef LOOPWRIGHT_TEAM_H
#define LOOPWRIGHT_TEAM_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LEAST_REPETITIONS 3

typedef struct {
    int size;
    double seconds; /* to spend on one piece of work */
    pthread_barrier_t barrier;
    double *rates; /* one place a member, to add them up */
    int more;
} team_t;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Called by every member with its rank: all do their `pieces` of the work at the same time, and each gets the
   best of its own wall times for one piece, in seconds. Pieces are to be short, and rates are summed over the
   members, not taken from the slowest: on a busy machine a member is seldom undisturbed for long, all of them at
   once hardly ever, and a ceiling may be too high but must not be too low. */
static double best_time(team_t *team, int rank, size_t pieces, void (*work)(void *, size_t), void *argument) {
    double begun = now(), best = 0;
    for (int repetition = 0;; repetition++) {
        pthread_barrier_wait(&team->barrier);
        double start = now(), end = start;
        for (size_t piece = 0; piece < pieces; piece++, start = end) {
            work(argument, piece);
            end = now();
            if ((repetition == 0 && piece == 0) || end - start < best) best = end - start;
        }
        if (rank == 0) team->more = repetition + 1 < LEAST_REPETITIONS || end - begun < team->seconds;
        pthread_barrier_wait(&team->barrier);
        if (!team->more) return best;
    }
}

/* Prints `name` and the sum of the members' rates. */
static void report(team_t *team, int rank, const char *name, double rate) {
    team->rates[rank] = rate;
    pthread_barrier_wait(&team->barrier);
    if (rank == 0) {
        double sum = 0;
        for (int each = 0; each < team->size; each++) sum += team->rates[each];
        printf("%s %.6g\n", name, sum);
    }
    pthread_barrier_wait(&team->barrier);
}

/* Runs `member(argument of rank)` on the threads of the team; the arguments lie `stride` bytes apart. */
static void run_team(team_t *team, void *(*member)(void *), void *arguments, size_t stride) {
    pthread_t *threads = malloc((size_t)team->size * sizeof *threads);
    team->rates = malloc((size_t)team->size * sizeof *team->rates);
    if (!threads || !team->rates) exit(1);
    pthread_barrier_init(&team->barrier, NULL, (unsigned)team->size);
    for (int rank = 0; rank < team->size; rank++)
        if (pthread_create(&threads[rank], NULL, member, (char *)arguments + (size_t)rank * stride)) {
            fprintf(stderr, "cannot start thread %d of %d\n", rank + 1, team->size);
            exit(1);
        }
    for (int rank = 0; rank < team->size; rank++) pthread_join(threads[rank], NULL);
    free(threads);
    free(team->rates);
}

#endif
