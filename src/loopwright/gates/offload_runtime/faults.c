/* Telling faults, once each, by the names that the program has for things; and what an access on the device
   means that hits no device buffer. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "runtime.h"

static int fault_count;
static struct { uintptr_t code; const char *kind; char name[NAME_BYTES]; } told[FAULTS];

void fault(const char *kind, const struct map *m, const char *name, uintptr_t code, uintptr_t other,
                  long offset, const char *extra)
{
    char first[PATH_MAX + 32], second[PATH_MAX + 32];
    if (fault_count == FAULTS)
        return;
    for (int i = 0; i < fault_count; i++)
        if (told[i].code == code && strcmp(told[i].kind, kind) == 0 && strcmp(told[i].name, name) == 0)
            return;
    told[fault_count].code = code;
    told[fault_count].kind = kind;
    snprintf(told[fault_count++].name, NAME_BYTES, "%s", name);
    record("fault\t%s\t%s\t%s\t%s\t%s\t%ld\t%zu\t%s\t%s", kind, name, place_of(code, first, sizeof first),
           place_of(other, second, sizeof second), m != NULL ? m->place : "", offset, m != NULL ? m->bytes : 0,
           extra, m != NULL ? m->deleted : "");
}

/* The list item of the construct in progress, or of one around it, that covers `host`; -1 when none does. */
int item_of(const struct items *items, uintptr_t host)
{
    for (int i = 0; items != NULL && i < items->count; i++) {
        uintptr_t begin = (uintptr_t)items->begins[i];
        size_t bytes = items->sizes[i] > 0 ? (size_t)items->sizes[i] : 1;
        if (!(items->types[i] & ITEM_LITERAL) && host - begin < bytes)
            return i;
    }
    return -1;
}

void item_name(const struct items *items, int i, char *name, char *place)
{
    name[0] = place[0] = 0;
    if (i >= 0 && items->names != NULL)
        name_of(items->names[i], name, place);
}

const char *here(char *place)
{
    char file[NAME_BYTES], rest[PLACE_BYTES];
    place[0] = 0;
    if (construct == NULL)
        return place;
    name_of(construct->place, file, rest);
    const char *line = strrchr(rest, ':');
    if (line != NULL)
        snprintf(place, PLACE_BYTES, "%.*s%.32s", (int)(PLACE_BYTES - 34), file, line);
    return place;
}

void foreign_access(uintptr_t address, int writes, uintptr_t code)
{
    char name[NAME_BYTES] = "", place[PLACE_BYTES] = "", first[PATH_MAX + 32];
    struct block block = {0};
    const char *way = writes ? "write" : "read";
    for (struct map *m = maps; m != NULL; m = m->next)
        if (m->alive && address - m->device - m->bytes < m->redzone) {
            fault("past-section", m, m->name, code, 0, (long)(address - m->device), way);
            return;
        }
    for (int i = 0; i < grave_count; i++)
        if (address - graves[i].device < graves[i].bytes) {
            fault("deleted", &graves[i], graves[i].name, code, 0, (long)(address - graves[i].device), way);
            return;
        }
    int in_block = block_at(address, &block);
    /* A pointer of the host that the kernel was given as it is: the nearest one below. */
    const struct items *items = last_kernel;
    int best = -1;
    uintptr_t below = in_block ? block.start : 0;
    for (int i = 0; items != NULL && i < items->count; i++) {
        uintptr_t begin = (uintptr_t)items->begins[i];
        struct map *m = by_host(begin);
        if (!(items->types[i] & ITEM_LITERAL) && begin >= below && begin <= address && (m == NULL || !m->alive) &&
            (best < 0 || begin > (uintptr_t)items->begins[best]))
            best = i;
    }
    int on_stack = on_host_stack(address), of_program = in_program(address);
    if (best >= 0 && ((in_block && block.of_host) || on_stack || of_program)) {
        item_name(items, best, name, place);
        struct map *ended_map = by_host(address);
        struct map told_map = {0};
        snprintf(told_map.place, PLACE_BYTES, "%s", place);
        for (int i = 0; i < grave_count; i++)
            if (address - graves[i].host < graves[i].bytes)
                ended_map = &graves[i];
        if (ended_map != NULL)
            snprintf(told_map.deleted, PLACE_BYTES, "%s", ended_map->deleted);
        fault("unmapped", &told_map, name, code, in_block ? block.caller : 0,
              (long)(address - (uintptr_t)items->begins[best]), way);
        return;
    }
    /* A device address that belongs to a host address beside the mapped section. */
    for (struct map *m = maps; m != NULL; m = m->next) {
        struct block theirs;
        uintptr_t host = address - m->device + m->host;
        int is_item = item_of(items, m->host) >= 0;
        if (m->alive && m->host != 0 && is_item && block_at(m->host, &theirs) && host - theirs.start < theirs.bytes &&
            !(in_block && !block.of_host)) {
            fault("outside-section", m, m->name, code, 0, (long)(address - m->device), way);
            return;
        }
    }
    if (!((in_block && block.of_host) || on_stack || of_program))
        return; /* the device's own: its stack, its heap, its runtime */
    /* A pointer of the host inside of something that is mapped. */
    for (struct map *m = maps; m != NULL; m = m->next)
        for (size_t i = 0; m->alive && i + sizeof(void *) <= m->bytes; i += sizeof(void *)) {
            uintptr_t held;
            memcpy(&held, (void *)(m->device + i), sizeof held);
            if (held != 0 && held >= below && held <= address && address - held < (in_block ? block.bytes : 4096)) {
                fault("pointer-inside", m, m->name, code, in_block ? block.caller : 0, (long)i, way);
                return;
            }
        }
    fault("unmapped", NULL, "", code, in_block ? block.caller : 0, 0,
          place_of(in_block ? block.caller : 0, first, sizeof first));
}
