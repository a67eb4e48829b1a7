/* pool.c - see pool.h. */
#include "net/pool.h"

#include <assert.h>

void pool_fini(struct pool *p)
{
    block_drop(p->block);
    *p = (struct pool){ 0 };
}

/* Acquire: what other holders read from the block must be over before it is written again. */
static bool is_ours_alone(const struct block *b)
{
    return atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
}

uint8_t *pool_room(struct pool *p, size_t n)
{
    assert(n <= POOL_BLOCK_BYTES);
    if (p->block && p->used > 0 && is_ours_alone(p->block))
        p->used = 0;
    if (pool_left(p) < n || !p->block) {
        block_drop(p->block);
        p->block = block_new(POOL_BLOCK_BYTES);
        p->used = 0;
    }
    return p->block->at + p->used;
}

struct slice pool_take(struct pool *p, size_t n)
{
    uint8_t *at = p->block->at + p->used;

    assert(n <= pool_left(p));
    p->used += n;
    return slice_of(block_hold(p->block), at, n);
}
