/* map.c - see map.h. */
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { CAP_FIRST = 8 };

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

void map_init(struct map *m)
{
    *m = (struct map){ 0 };
}

void map_fini(struct map *m)
{
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

static size_t map_find(const struct map *m, struct bytes key, uint32_t hash)
{
    size_t i = hash & (m->cap - 1);

    while (m->slots[i].value &&
           !(m->slots[i].hash == hash && bytes_eq(slot_key(&m->slots[i]), key)))
        i = (i + 1) & (m->cap - 1);
    return i;
}

void *map_get(const struct map *m, struct bytes key)
{
    return m->cap ? m->slots[map_find(m, key, slot_hash(key))].value : NULL;
}

static void map_resize(struct map *m, size_t cap)
{
    struct map bigger = { mem_new(cap * sizeof *m->slots), cap, m->count };

    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].value)
            bigger.slots[map_find(&bigger, slot_key(&m->slots[i]), m->slots[i].hash)] =
                m->slots[i];
    free(m->slots);
    *m = bigger;
}

void *map_put(struct map *m, struct bytes key, void *value)
{
    uint32_t hash = slot_hash(key);
    size_t   i;
    void    *old;

    assert(value && key.len <= UINT32_MAX);
    if (m->count + 1 > m->cap / 4 * 3)
        map_resize(m, m->cap ? m->cap * 2 : CAP_FIRST);
    i = map_find(m, key, hash);
    old = m->slots[i].value;
    m->slots[i] = (struct map_slot){ value, key.at, (uint32_t)key.len, hash };
    m->count += old == NULL;
    return old;
}

void *map_remove(struct map *m, struct bytes key)
{
    size_t hole;
    void  *old;

    if (m->cap == 0)
        return NULL;
    hole = map_find(m, key, slot_hash(key));
    old = m->slots[hole].value;
    if (!old)
        return NULL;
    for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].value; i = (i + 1) & (m->cap - 1)) {
        size_t want = m->slots[i].hash & (m->cap - 1);

        if (((i - want) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){ 0 };
    m->count--;
    return old;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        void *value = m->slots[(*at)++].value;

        if (value)
            return value;
    }
    return NULL;
}

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

static void idmap_resize(struct idmap *m, size_t cap)
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
