/*
 * key_offsets.h - the latest offset of each key, in a fixed amount of memory. A key belongs to a
 * space, which is a log: equal keys of two spaces have nothing to do with each other.
 *
 * Keys are kept as 128 bits of their SHA-256: two keys that are taken for one would lose a record,
 * so it must be out of reach to find such a pair on purpose, too. An entry takes
 * KEY_OFFSETS_ENTRY_BYTES, in an open table that is at most nine tenths full.
 *
 * Thread: the owner's.
 */
#ifndef ENGINE_KEY_OFFSETS_H
#define ENGINE_KEY_OFFSETS_H

#include "base/bytes.h"

enum { KEY_OFFSETS_ENTRY_BYTES = 24 };
#define KEY_OFFSETS_NONE UINT64_MAX

struct key_offsets;

/* With at least one entry, however few the bytes. */
struct key_offsets *key_offsets_new(size_t bytes);
void key_offsets_free(struct key_offsets *m); /* NULL is allowed */
/* How many keys there is room for, those it has not counted. */
size_t key_offsets_room(const struct key_offsets *m);
/* There must be room when the key is new. A lower offset does not replace a higher one. */
void key_offsets_put(struct key_offsets *m, uint64_t space, struct bytes key, uint64_t offset);
/* KEY_OFFSETS_NONE: not there. */
uint64_t key_offsets_get(struct key_offsets *m, uint64_t space, struct bytes key);

#endif
