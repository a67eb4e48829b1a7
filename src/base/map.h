/*
 * map.h - hash maps with byte-string keys (struct map) and integer keys (struct idmap).
 *
 * Open addressing with linear probing, at most three quarters full; removal shifts back, so there are no
 * tombstones and cost does not depend on history. A large struct map grows in steps: each put moves a few entries
 * of the smaller table, so that none takes long. Keys of a struct map are borrowed: they must live inside the
 * value and outlive the entry. Values are never NULL. Iteration order is by hash and is the same for the same
 * sequence of operations and seed.
 *
 * Thread: the owner's.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/bytes.h"

struct map_slot {
    void          *value;
    const uint8_t *key;
    uint32_t       key_len;
    uint32_t       hash;
};

struct map {
    struct map_slot *slots;
    size_t           cap; /* power of two, or 0 */
    size_t           count;
    struct map_past *past; /* the smaller table while it is moved, else NULL */
};

void map_init(struct map *m);
void map_fini(struct map *m); /* frees the table, not the values */
void *map_get(const struct map *m, struct bytes key);
/* Replaces and returns an older value of the same key, or NULL. */
void *map_put(struct map *m, struct bytes key, void *value);
/* Returns the value removed, or NULL. */
void *map_remove(struct map *m, struct bytes key);
/* Start with *at = 0; NULL at the end. The map must not change meanwhile, but what was returned last
 * may be removed, and then *at is to be taken back by one: what lay behind has moved up. */
void *map_next(const struct map *m, size_t *at);

struct idmap_slot {
    uint64_t key;
    void    *value;
};

struct idmap {
    struct idmap_slot *slots;
    uint32_t           cap; /* power of two, or 0 */
    uint32_t           count;
};

void idmap_init(struct idmap *m);
void idmap_fini(struct idmap *m);
void *idmap_get(const struct idmap *m, uint64_t key);
void *idmap_put(struct idmap *m, uint64_t key, void *value);
void *idmap_remove(struct idmap *m, uint64_t key);
void *idmap_next(const struct idmap *m, size_t *at);

/* Well-mixed 64-bit hash of bytes (wyhash-like multiply-fold); stable within a build, never stored. */
uint64_t bytes_hash(struct bytes b);

#endif
