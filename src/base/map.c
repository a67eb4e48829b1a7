/* map.c - see map.h. */
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum {
    CAP_FIRST = 8,
    CAP_IN_STEPS = 4096, /* a smaller table is moved at once */
    MOVED_BY_PUT = 8,    /* slots; 4 would do to be through before the next growth */
};

static uint64_t fold(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t bytes_hash(struct bytes b)
{
    uint64_t       h = 0x9e3779b97f4a7c15ull ^ b.len;
    const uint8_t *p = b.at;
    size_t         n = b.len;
    uint64_t       word;

    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        h = fold(h ^ word, 0xa0761d6478bd642full);
    }
    word = 0;
    if (n > 0)
        memcpy(&word, p, n);
    h = fold(h ^ word, 0xe7037ed1a0b428dbull);
    return fold(h, 0x8ebc6af09c88c6e3ull);
}

static uint64_t id_hash(uint64_t key)
{
    return fold(key ^ 0x9e3779b97f4a7c15ull, 0xa0761d6478bd642full);
}

/* ---- byte-string keys ---- */

/* A table, and how far it has been moved: all slots below `at` are empty. */
struct map_past {
    struct map_slot *slots;
    size_t           cap;
    size_t           at;
};

void map_init(struct map *m)
{
    *m = (struct map){ 0 };
}

static void drop_past(struct map *m)
{
    if (m->past)
        free(m->past->slots);
    free(m->past);
    m->past = NULL;
}

void map_fini(struct map *m)
{
    drop_past(m);
    free(m->slots);
    map_init(m);
}

/* A slot keeps 32 bits of the hash, enough to place it in any table of ours. */
static uint32_t slot_hash(struct bytes key)
{
    return (uint32_t)bytes_hash(key);
}

static struct bytes slot_key(const struct map_slot *s)
{
    return bytes_of(s->key, s->key_len);
}

/* The slot with key, or the empty one where it would go. */
static struct map_slot *find(struct map_slot *slots, size_t cap, struct bytes key, uint32_t hash)
{
    size_t i = hash & (cap - 1);

    while (slots[i].value && !(slots[i].hash == hash && bytes_eq(slot_key(&slots[i]), key)))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

/* The slot with key, wherever it is; NULL when there is none. */
static struct map_slot *find_any(const struct map *m, struct bytes key, uint32_t hash)
{
    struct map_slot *s = m->cap ? find(m->slots, m->cap, key, hash) : NULL;

    if (s && !s->value && m->past)
        s = find(m->past->slots, m->past->cap, key, hash);
    return s && s->value ? s : NULL;
}

void *map_get(const struct map *m, struct bytes key)
{
    const struct map_slot *s = find_any(m, key, slot_hash(key));

    return s ? s->value : NULL;
}

/* Empties a slot; those that had to make way for it move up, so every entry is found as before. */
static void clear(struct map_slot *slots, size_t cap, size_t hole)
{
    for (size_t i = (hole + 1) & (cap - 1); slots[i].value; i = (i + 1) & (cap - 1)) {
        size_t want = slots[i].hash & (cap - 1);

        if (((i - want) & (cap - 1)) >= ((i - hole) & (cap - 1))) {
            slots[hole] = slots[i];
            hole = i;
        }
    }
    slots[hole] = (struct map_slot){ 0 };
}

static void move_some(struct map *m, size_t slots)
{
    struct map_past *p = m->past;

    for (; p && slots > 0; slots--) {
        const struct map_slot *s = &p->slots[p->at];

        if (s->value) {
            *find(m->slots, m->cap, slot_key(s), s->hash) = *s;
            clear(p->slots, p->cap, p->at);
        } else if (++p->at == p->cap) {
            drop_past(m);
            p = NULL;
        }
    }
}

static void grow(struct map *m)
{
    struct map_past *past = mem_new(sizeof *past);

    move_some(m, SIZE_MAX);
    *past = (struct map_past){ m->slots, m->cap, 0 };
    m->cap = m->cap ? m->cap * 2 : CAP_FIRST;
    m->slots = mem_new(m->cap * sizeof *m->slots);
    m->past = past;
    if (past->cap == 0)
        drop_past(m);
    else if (past->cap < CAP_IN_STEPS)
        move_some(m, SIZE_MAX);
}

void *map_put(struct map *m, struct bytes key, void *value)
{
    uint32_t         hash = slot_hash(key);
    struct map_slot *s;
    void            *old;

    assert(value && key.len <= UINT32_MAX);
    move_some(m, MOVED_BY_PUT);
    if (m->count + 1 > m->cap / 4 * 3)
        grow(m);
    s = find_any(m, key, hash);
    if (!s)
        s = find(m->slots, m->cap, key, hash);
    old = s->value;
    *s = (struct map_slot){ value, key.at, (uint32_t)key.len, hash };
    m->count += old == NULL;
    return old;
}

void *map_remove(struct map *m, struct bytes key)
{
    struct map_slot *s = find_any(m, key, slot_hash(key));
    void            *old;

    if (!s)
        return NULL;
    old = s->value;
    m->count--;
    if (s >= m->slots && s < m->slots + m->cap)
        clear(m->slots, m->cap, (size_t)(s - m->slots));
    else
        clear(m->past->slots, m->past->cap, (size_t)(s - m->past->slots));
    return old;
}

/* First what is still to be moved, then the rest. */
void *map_next(const struct map *m, size_t *at)
{
    size_t past = m->past ? m->past->cap : 0;

    while (*at < past + m->cap) {
        size_t i = (*at)++;
        void  *value = i < past ? m->past->slots[i].value : m->slots[i - past].value;

        if (value)
            return value;
    }
    return NULL;
}

/* ---- integer keys ---- */

void idmap_init(struct idmap *m)
{
    *m = (struct idmap){ 0 };
}

void idmap_fini(struct idmap *m)
{
    free(m->slots);
    idmap_init(m);
}

static size_t idmap_find(const struct idmap *m, uint64_t key)
{
    size_t i = id_hash(key) & (m->cap - 1);

    while (m->slots[i].value && m->slots[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

void *idmap_get(const struct idmap *m, uint64_t key)
{
    return m->cap ? m->slots[idmap_find(m, key)].value : NULL;
}

static void idmap_resize(struct idmap *m, uint32_t cap)
{
    struct idmap bigger = { mem_new(cap * sizeof *m->slots), cap, m->count };

    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].value)
            bigger.slots[idmap_find(&bigger, m->slots[i].key)] = m->slots[i];
    free(m->slots);
    *m = bigger;
}

void *idmap_put(struct idmap *m, uint64_t key, void *value)
{
    size_t i;
    void  *old;

    assert(value);
    if (m->count + 1 > m->cap / 4 * 3)
        idmap_resize(m, m->cap ? m->cap * 2 : CAP_FIRST);
    i = idmap_find(m, key);
    old = m->slots[i].value;
    m->slots[i] = (struct idmap_slot){ key, value };
    m->count += old == NULL;
    return old;
}

void *idmap_remove(struct idmap *m, uint64_t key)
{
    size_t hole;
    void  *old;

    if (m->cap == 0)
        return NULL;
    hole = idmap_find(m, key);
    old = m->slots[hole].value;
    if (!old)
        return NULL;
    for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].value; i = (i + 1) & (m->cap - 1)) {
        size_t want = id_hash(m->slots[i].key) & (m->cap - 1);

        if (((i - want) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct idmap_slot){ 0 };
    m->count--;
    return old;
}

void *idmap_next(const struct idmap *m, size_t *at)
{
    while (*at < m->cap) {
        void *value = m->slots[(*at)++].value;

        if (value)
            return value;
    }
    return NULL;
}
