/*
 * block.h - reference-counted immutable memory and slices of it.
 *
 * A block is what payload bytes live in on their way from socket to disk and back: a receive buffer, a journal file's
 * mapping, an encoded answer. Whoever keeps a slice holds its block; the last drop frees it. The bytes are written only
 * by the block's maker, before it is shared (one exception: the engine patches base offset and leader epoch of a batch
 * it was given and has not yet published; engine/batch.h).
 *
 * Thread: hold and drop from any; counts are atomic.
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include "base/bytes.h"

#include <stdatomic.h>

struct block;
typedef void block_free_fn(struct block *b);

struct block {
    atomic_uint    refs;
    uint8_t       *at;
    size_t         cap;
    block_free_fn *free; /* runs on the thread of the last drop */
};

/* One allocation with cap bytes of room behind it; the caller holds it once. */
struct block *block_new(size_t cap);
/* For foreign memory (a mapping): the caller embeds struct block and provides free. */
void block_init(struct block *b, void *at, size_t cap, block_free_fn *free);
struct block *block_hold(struct block *b); /* NULL stays NULL */
void block_drop(struct block *b);          /* NULL is allowed */
/* n holds at once, for a maker that gives many slices away; with n = 0 nothing. */
void block_hold_many(struct block *b, unsigned n);
void block_drop_many(struct block *b, unsigned n);

struct slice {
    struct block *block; /* NULL: static or otherwise outliving bytes */
    struct bytes  bytes;
};

static inline struct slice slice_of(struct block *block, const uint8_t *at, size_t len)
{
    return (struct slice){ block, { at, len } };
}

/* A slice over the same bytes with a hold of its own. */
static inline struct slice slice_hold(struct slice s)
{
    block_hold(s.block);
    return s;
}

static inline void slice_drop(struct slice *s)
{
    block_drop(s->block);
    *s = (struct slice){ 0 };
}

/* A new block with a copy of the bytes. */
struct slice slice_copy(struct bytes b);

#endif
