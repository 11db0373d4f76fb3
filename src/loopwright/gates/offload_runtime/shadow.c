/* Which bytes of which copy are newest. For every mapped byte the runtime knows what is wrong with the host's
   and with the device's copy; copies hand the state on; reading a byte that is bad is a fault. (The idea of a
   state machine over pairs of variables is that of Yu et al., "ARBALEST: Dynamic Detection of Data Mapping
   Issues in Heterogeneous OpenMP Applications", IPDPS 2021.) Writes by code that is not instrumented, as in
   libc, are seen by their effect: bytes are compared where a decision hangs on them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void __libc_free(void *);

#define PADDING_BYTES 8

int any_maps; /* whether something is mapped, or has been and host bytes are bad since */
struct map *maps; /* newest first; those that ended stay while their host bytes are bad */
struct map graves[FAULTS]; /* device buffers that are gone */
int grave_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct map *by_device(uintptr_t address)
{
    for (struct map *m = maps; m != NULL; m = m->next)
        if (m->alive && address - m->device < m->bytes)
            return m;
    return NULL;
}

struct map *by_host(uintptr_t address)
{
    for (struct map *m = maps; m != NULL; m = m->next)
        if (m->host != 0 && address - m->host < m->bytes)
            return m;
    return NULL;
}

static void drop(struct map **at)
{
    struct map *gone = *at;
    *at = gone->next;
    __libc_free(gone->host_bad);
    __libc_free(gone);
}

void mapped(uintptr_t host, uintptr_t device, size_t bytes, size_t redzone)
{
    if (device == 0 || bytes == 0)
        return;
    struct map *m = __libc_calloc(1, sizeof *m);
    uint8_t *states = __libc_malloc(3 * bytes);
    if (m == NULL || states == NULL)
        return;
    int item = item_of(construct, host);
    item_name(construct, item, m->name, m->place);
    if (construct != NULL)
        here(m->place); /* the clause, not the declaration, which is what the item tells */
    m->host = item >= 0 && !(construct->types[item] & ITEM_PRIVATE) ? host : 0;
    m->device = device;
    m->bytes = bytes;
    m->redzone = redzone;
    m->host_bad = states;
    m->device_bad = states + bytes;
    m->host_seen = states + 2 * bytes;
    memset(m->host_bad, GOOD, bytes);
    memset(m->device_bad, UNSET, bytes);
    m->alive = 1;
    pthread_mutex_lock(&lock);
    for (struct map *old = maps; m->host != 0 && old != NULL; old = old->next)
        for (size_t i = 0; !old->alive && old->host != 0 && i < bytes; i++) {
            size_t at = host + i - old->host;
            if (at < old->bytes) {
                m->host_bad[i] = old->host_bad[at];
                m->host_seen[i] = old->host_seen[at];
                m->device_writer = old->device_writer;
                old->host_bad[at] = GOOD;
            }
        }
    m->next = maps;
    maps = m;
    any_maps = 1;
    for (int i = 0; i < grave_count; i++)
        if (graves[i].device < device + bytes + redzone && device < graves[i].device + graves[i].bytes)
            graves[i] = graves[--grave_count], i--;
    pthread_mutex_unlock(&lock);
}

void unmapped(uintptr_t device)
{
    pthread_mutex_lock(&lock);
    for (struct map **at = &maps; *at != NULL; at = &(*at)->next) {
        struct map *m = *at;
        if (!m->alive || m->device != device)
            continue;
        int any = 0;
        m->alive = 0;
        here(m->deleted);
        for (size_t i = 0; m->host != 0 && i < m->bytes; i++) {
            const uint8_t *host = (uint8_t *)m->host + i, *theirs = (uint8_t *)m->device + i;
            if (m->host_bad[i] == STALE && *host == *theirs)
                m->host_bad[i] = GOOD;
            any |= m->host_bad[i] != GOOD;
        }
        if (grave_count < FAULTS)
            graves[grave_count++] = *m;
        if (!any)
            drop(at);
        break;
    }
    pthread_mutex_unlock(&lock);
}

/* Counts a copy "to" or "from" the device. Gives its map, if any, what it is called and where it happens. */
static struct map *transferred(const char *way, uintptr_t host, uintptr_t device, size_t bytes,
                               char name[NAME_BYTES], char now[PLACE_BYTES])
{
    char place[PLACE_BYTES];
    struct map *m = by_device(device);
    item_name(construct, item_of(construct, host), name, place);
    if (m != NULL && name[0] == 0)
        snprintf(name, NAME_BYTES, "%s", m->name);
    count_transfer(way, bytes, name, here(now));
    return m;
}

void copied_in(uintptr_t host, uintptr_t device, size_t bytes)
{
    char name[NAME_BYTES], now[PLACE_BYTES];
    pthread_mutex_lock(&lock);
    struct map *m = transferred("to", host, device, bytes, name, now);
    for (size_t i = 0; m != NULL && i < bytes && device + i - m->device < m->bytes; i++) {
        size_t at = device + i - m->device;
        int paired = m->host != 0 && m->host + at == host + i;
        if (!paired || m->host_bad[at] == GOOD)
            m->device_bad[at] = GOOD;
        else if (*(uint8_t *)(host + i) != m->host_seen[at]) /* written since, by code that is not watched */
            m->host_bad[at] = m->device_bad[at] = GOOD;
        else if (m->host_bad[at] == STALE && m->device_bad[at] == GOOD &&
                 *(uint8_t *)(device + i) == *(uint8_t *)(host + i))
            m->host_bad[at] = GOOD;
        else {
            m->host_bad[at] = m->host_bad[at] == STALE ? LOST : m->host_bad[at];
            m->device_bad[at] = m->host_bad[at];
        }
    }
    pthread_mutex_unlock(&lock);
}

void copied_out(uintptr_t device, uintptr_t host, size_t bytes)
{
    char name[NAME_BYTES], now[PLACE_BYTES];
    pthread_mutex_lock(&lock);
    struct map *m = transferred("from", host, device, bytes, name, now);
    if (is_constant(host))
        fault("into-constant", m, name, 0, 0, 0, now);
    for (size_t i = 0; m != NULL && i < bytes && device + i - m->device < m->bytes; i++) {
        size_t at = device + i - m->device;
        uint8_t theirs = *(uint8_t *)(device + i);
        if (m->host == 0 || m->host + at != host + i)
            continue;
        if (m->device_bad[at] == STALE && theirs != *(uint8_t *)(host + i))
            m->host_bad[at] = m->device_bad[at] = LOST;
        else if (m->device_bad[at] == STALE)
            m->host_bad[at] = m->device_bad[at] = GOOD;
        else
            m->host_bad[at] = m->device_bad[at];
        m->host_seen[at] = theirs;
    }
    pthread_mutex_unlock(&lock);
}

/* A construct is over that would have copied back what is mapped still. */
void ended(const struct items *items)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < items->count; i++) {
        struct map *m = items->types[i] & ITEM_FROM ? by_host((uintptr_t)items->begins[i]) : NULL;
        if (m != NULL && m->alive) {
            struct items *kept = construct;
            construct = (struct items *)items;
            here(m->kept);
            construct = kept;
        }
    }
    pthread_mutex_unlock(&lock);
}

void forget_host(uintptr_t start, size_t bytes)
{
    pthread_mutex_lock(&lock);
    any_maps = 0;
    for (struct map **at = &maps; *at != NULL;) {
        struct map *m = *at;
        int any = m->alive;
        if (m->alive && m->host - start < bytes)
            m->host = 0; /* its memory is free, what comes there is something else */
        for (size_t i = 0; !m->alive && i < m->bytes; i++) {
            if (m->host + i - start < bytes)
                m->host_bad[i] = GOOD;
            any |= m->host_bad[i] != GOOD;
        }
        any_maps |= any;
        if (any)
            at = &m->next;
        else
            drop(at);
    }
    pthread_mutex_unlock(&lock);
}

/* Frames below `frame` are gone: what lies there later is another variable. */
void left_frame(uintptr_t frame)
{
    const uintptr_t deep = 8u << 20;
    pthread_mutex_lock(&lock);
    int any = 0;
    for (struct map *m = maps; m != NULL && !any; m = m->next)
        any = !m->alive && m->host < frame && m->host > frame - deep;
    pthread_mutex_unlock(&lock);
    if (any)
        forget_host(frame - deep, deep);
}

/* The state of a declare target variable begins when the device first touches it. */
static struct map *global_at(uintptr_t device)
{
    Dl_info info;
    uintptr_t host;
    size_t bytes;
    if (!dladdr((void *)device, &info) || info.dli_sname == NULL || image_of(info.dli_fbase) < 0 ||
        !has_global(device, info.dli_sname, &host, &bytes))
        return NULL;
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s", info.dli_sname);
    uintptr_t start = (uintptr_t)info.dli_saddr;
    pthread_mutex_unlock(&lock);
    mapped(host, start, bytes, 0);
    pthread_mutex_lock(&lock);
    struct map *m = by_device(device);
    if (m != NULL) {
        m->host = host;
        snprintf(m->name, sizeof m->name, "%s", name);
        for (size_t i = 0; i < m->bytes; i++)
            m->device_bad[i] = ((uint8_t *)host)[i] == ((uint8_t *)start)[i] ? GOOD : STALE;
    }
    return m;
}

static void host_access(uintptr_t address, size_t bytes, int writes, int is_range, uintptr_t code)
{
    struct map *m = NULL;
    size_t run = 0;
    for (size_t i = 0; i < bytes; i++) {
        uintptr_t a = address + i;
        if (m == NULL || a - m->host >= m->bytes)
            m = by_host(a);
        if (m == NULL)
            continue;
        size_t at = a - m->host;
        if (writes) {
            m->host_writer = code;
            m->host_bad[at] = GOOD;
            if (m->alive && m->device_bad[at] != UNSET)
                m->device_bad[at] = STALE;
            continue;
        }
        if (m->host_bad[at] == GOOD)
            continue;
        uint8_t value = *(uint8_t *)a;
        if (value != m->host_seen[at]) {
            m->host_bad[at] = GOOD;
            if (m->alive && m->device_bad[at] != UNSET)
                m->device_bad[at] = STALE;
            continue;
        }
        if (m->host_bad[at] == STALE && m->alive && *(uint8_t *)(m->device + at) == value)
            continue;
        if (is_range && ++run < PADDING_BYTES && run < bytes)
            continue;
        const char *kinds[] = {"", "host-stale", "host-unset", "host-lost"};
        fault(kinds[m->host_bad[at]], m, m->name, code, m->device_writer, (long)at, m->kept);
        return;
    }
    if (m == NULL && (m = by_device(address)) != NULL && !in_program(m->device) && m->redzone != 0)
        fault("host-on-device", m, m->name, code, 0, (long)(address - m->device), "");
}

/* Both copies ought to be the same and are not: the host's was written by code that is not watched (fread).
   Pointers that libomptarget translated differ rightly. */
static int unseen_write(struct map *m, size_t at, size_t bytes)
{
    const uint8_t *host = (uint8_t *)m->host + at, *theirs = (uint8_t *)m->device + at;
    if (m->host == 0 || at + bytes > m->bytes || memcmp(host, theirs, bytes) == 0)
        return 0;
    for (size_t i = 0; i < bytes; i++)
        if (m->host_bad[at + i] != GOOD || m->device_bad[at + i] != GOOD)
            return 0;
    for (size_t i = at / sizeof(void *) * sizeof(void *); i < at + bytes && i + sizeof(void *) <= m->bytes;
         i += sizeof(void *)) {
        uintptr_t held;
        memcpy(&held, (void *)(m->device + i), sizeof held);
        if (held != 0 && by_device(held) != NULL)
            return 0;
    }
    memset(m->device_bad + at, STALE, bytes);
    m->host_writer = 0;
    return 1;
}

static void device_access(uintptr_t address, size_t bytes, int writes, int is_range, uintptr_t code)
{
    struct map *m = NULL;
    size_t run = 0;
    for (size_t i = 0; i < bytes; i++) {
        uintptr_t a = address + i;
        if (m == NULL || a - m->device >= m->bytes)
            m = by_device(a);
        if (m == NULL && on_own_stack(a) && !on_host_stack(a))
            return;
        if (m == NULL)
            m = global_at(a);
        if (m == NULL) {
            Dl_info info;
            if (in_program(a) || !dladdr((void *)a, &info) || info.dli_fbase == NULL)
                foreign_access(a, writes, code);
            return;
        }
        size_t at = a - m->device;
        if (writes) {
            m->device_writer = code;
            if (m->host != 0 && m->host_bad[at] != STALE) {
                m->host_bad[at] = STALE;
                m->host_seen[at] = *(uint8_t *)(m->host + at);
            }
            m->device_bad[at] = GOOD;
            continue;
        }
        if (m->device_bad[at] == GOOD && !(i == 0 && unseen_write(m, at, bytes)))
            continue;
        if (m->device_bad[at] == STALE && m->host != 0 && *(uint8_t *)(m->host + at) == *(uint8_t *)a)
            continue;
        if (is_range && ++run < PADDING_BYTES && run < bytes)
            continue;
        const char *kinds[] = {"", "device-stale", "device-unset", "device-lost"};
        fault(kinds[m->device_bad[at]], m, m->name, code, m->host_writer, (long)at, "");
        return;
    }
}

void accessed(uintptr_t address, size_t bytes, int writes, int is_range, uintptr_t code)
{
    enum side side = side_of(code);
    if (side == HOST_CODE && maps == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (side == DEVICE_CODE)
        device_access(address, bytes, writes, is_range, code);
    else
        host_access(address, bytes, writes, is_range, code);
    pthread_mutex_unlock(&lock);
}
