/* Genomics: local alignment (Smith and Waterman) of short reads against a genome, best hit of each read.
   Usage: align READS GENOME_LENGTH */
#include <stdio.h>
#include <stdlib.h>

#define READ_LENGTH 96
#define MATCH 2
#define MISMATCH -3
#define GAP -4

static unsigned long state = 88172645463325252UL;

static unsigned next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33);
}

/* Score of the best local alignment of one read; *where is the column in which it ends. */
static int align(const char *read, int read_length, const char *genome, int genome_length, int *where)
{
    int row[READ_LENGTH + 1];
    int i, j, best = 0, column = 0;

    for (j = 0; j <= read_length; j++)
        row[j] = 0;
    for (i = 0; i < genome_length; i++) {
        int diagonal = 0;
        for (j = 1; j <= read_length; j++) {
            int score = diagonal + (read[j - 1] == genome[i] ? MATCH : MISMATCH);
            int up = row[j] + GAP, left = row[j - 1] + GAP;
            if (score < 0)
                score = 0;
            if (up > score)
                score = up;
            if (left > score)
                score = left;
            diagonal = row[j];
            row[j] = score;
            if (score > best) {
                best = score;
                column = i;
            }
        }
    }
    *where = column;
    return best;
}

int main(int argc, char **argv)
{
    int reads = argc > 1 ? atoi(argv[1]) : 200;
    int genome_length = argc > 2 ? atoi(argv[2]) : 4000;
    int r, i, mapped = 0;
    long total = 0, places = 0;
    char *genome, *library;
    int *score, *position;

    if (reads < 1 || genome_length < 2 * READ_LENGTH)
        return 2;
    genome = malloc(genome_length);
    library = malloc((size_t)reads * READ_LENGTH);
    score = malloc(reads * sizeof *score);
    position = malloc(reads * sizeof *position);
    if (!genome || !library || !score || !position)
        return 1;
    for (i = 0; i < genome_length; i++)
        genome[i] = "ACGT"[next_random() & 3];
    for (r = 0; r < reads; r++) {
        int from = next_random() % (genome_length - READ_LENGTH);
        for (i = 0; i < READ_LENGTH; i++)
            library[r * READ_LENGTH + i] =
                next_random() % 16 == 0 ? "ACGT"[next_random() & 3] : genome[from + i];
    }

    for (r = 0; r < reads; r++)
        score[r] = align(library + r * READ_LENGTH, READ_LENGTH, genome, genome_length, &position[r]);

    for (r = 0; r < reads; r++) {
        total += score[r];
        places += position[r];
        if (score[r] >= READ_LENGTH)
            mapped++;
    }
    printf("mapped %d of %d\n", mapped, reads);
    printf("total score %ld, places %ld\n", total, places);
    for (r = 0; r < reads; r += reads / 4 + 1)
        printf("read %d score %d ends at %d\n", r, score[r], position[r]);
    free(genome);
    free(library);
    free(score);
    free(position);
    return 0;
}
