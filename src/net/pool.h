/*
 * pool.h - the block a loop is filling at the moment, shared by all its connections.
 *
 * Ten thousand idle connections must not own ten thousand buffers. Each loop therefore has one block into which
 * all of them receive, and one out of which small answers are cut. A block is filled from front to back once;
 * when nobody else holds it any more it starts over, when its room is used up it is left to its holders and a
 * new one takes its place.
 *
 * Thread: the loop's. (Holders of slices may drop them anywhere; a stale count only costs a new block.)
 */
#ifndef NET_POOL_H
#define NET_POOL_H

#include "base/block.h"

enum { POOL_BLOCK_BYTES = 64 * 1024 };

struct pool {
    struct block *block; /* NULL until needed */
    size_t        used;
};

void pool_fini(struct pool *p);
/* Makes at least n (at most POOL_BLOCK_BYTES) bytes of room and returns where they begin; nothing is used up yet. */
uint8_t *pool_room(struct pool *p, size_t n);
static inline size_t pool_left(const struct pool *p)
{
    return p->block ? p->block->cap - p->used : 0;
}
/* The next n bytes of the room belong to the slice returned, which holds the block. */
struct slice pool_take(struct pool *p, size_t n);

#endif
