/* block.c - see block.h. */
#include "base/block.h"
#include "base/mem.h"

#include <stdlib.h>

static void free_own(struct block *b)
{
    free(b);
}

void block_init(struct block *b, void *at, size_t cap, block_free_fn *free_fn)
{
    atomic_init(&b->refs, 1);
    b->at = at;
    b->cap = cap;
    b->free = free_fn;
}

struct block *block_new(size_t cap)
{
    struct block *b = mem_resize(NULL, sizeof *b + cap);

    block_init(b, (uint8_t *)(b + 1), cap, free_own);
    return b;
}

struct block *block_hold(struct block *b)
{
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void block_drop(struct block *b)
{
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        b->free(b);
}

void block_hold_many(struct block *b, unsigned n)
{
    atomic_fetch_add_explicit(&b->refs, n, memory_order_relaxed);
}

void block_drop_many(struct block *b, unsigned n)
{
    if (n > 0 && atomic_fetch_sub_explicit(&b->refs, n, memory_order_acq_rel) == n)
        b->free(b);
}

struct slice slice_copy(struct bytes b)
{
    struct block *block = block_new(b.len);

    if (b.len > 0)
        memcpy(block->at, b.at, b.len);
    return slice_of(block, block->at, b.len);
}
