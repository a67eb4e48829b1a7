/* intake.c - see intake.h. */
#include "net/intake.h"

#include <assert.h>

void intake_fini(struct intake *in)
{
    block_drop(in->block);
    *in = (struct intake){ 0 };
}

/* Into a new block of our own. */
static void move(struct intake *in, size_t size)
{
    struct block *to = block_new(size);
    size_t        n = intake_pending(in);

    if (n > 0)
        memcpy(to->at, in->block->at + in->start, n);
    block_drop(in->block);
    in->block = to;
    in->start = 0;
    in->end = n;
    in->is_own = true;
}

static void adopt(struct intake *in, struct slice s)
{
    block_drop(in->block);
    in->block = s.block;
    in->start = (size_t)(s.bytes.at - s.block->at);
    in->end = in->start + s.bytes.len;
    in->is_own = false;
}

/* The pending bytes are few: let them go on in the pool's block, where a whole lot more fits behind them. */
static uint8_t *room_in_pool(struct intake *in, struct pool *pool, size_t *room)
{
    size_t   pending = intake_pending(in);
    size_t   least = in->want > pending + INTAKE_ROOM_MIN ? in->want : pending + INTAKE_ROOM_MIN;
    uint8_t *at = pool_room(pool, least);

    if (pending > 0) {
        memcpy(at, in->block->at + in->start, pending);
        adopt(in, pool_take(pool, pending));
    }
    *room = pool_left(pool);
    return at + pending;
}

static bool is_trusted(const struct intake *in)
{
    return in->want > intake_pending(in) && in->want <= INTAKE_TRUST_BYTES;
}

/* How big a block of our own must be to make progress towards want. */
static size_t own_size(const struct intake *in)
{
    size_t pending = intake_pending(in);
    size_t size = pending * 2 > POOL_BLOCK_BYTES ? pending * 2 : POOL_BLOCK_BYTES;

    if (in->want > INTAKE_TRUST_BYTES && size < INTAKE_TRUST_BYTES)
        size = INTAKE_TRUST_BYTES;
    return is_trusted(in) || (in->want > pending && in->want < size) ? in->want : size;
}

/* In a pool's block only the bytes that nobody has received into yet may follow ours. */
static bool has_room(const struct intake *in, const struct pool *pool)
{
    size_t left;

    if (!in->block || (!in->is_own && (in->block != pool->block || in->end != pool->used)))
        return false;
    left = in->block->cap - in->end;
    if (is_trusted(in))
        return in->start + in->want <= in->block->cap;
    return left >= INTAKE_ROOM_MIN || (left > 0 && in->want > in->block->cap - in->start);
}

uint8_t *intake_room(struct intake *in, struct pool *pool, size_t *room)
{
    size_t pending = intake_pending(in);

    if (!has_room(in, pool)) {
        if (pending <= INTAKE_SMALL_BYTES && in->want <= POOL_BLOCK_BYTES)
            return room_in_pool(in, pool, room);
        move(in, own_size(in));
    }
    *room = in->block->cap - in->end;
    return in->block->at + in->end;
}

void intake_filled(struct intake *in, struct pool *pool, size_t n)
{
    if (!in->block) {
        adopt(in, pool_take(pool, n));
        return;
    }
    in->end += n;
    if (!in->is_own)
        pool->used = in->end;
}

struct slice intake_view(const struct intake *in)
{
    return slice_of(in->block, in->block->at + in->start, intake_pending(in));
}

void intake_used(struct intake *in, size_t n)
{
    assert(n <= intake_pending(in));
    in->start += n;
    if (in->start == in->end) {
        block_drop(in->block);
        in->block = NULL;
        in->start = in->end = 0;
    }
}

void intake_rest(struct intake *in)
{
    size_t pending = intake_pending(in);

    if (pending == 0 || pending > INTAKE_SMALL_BYTES || (in->is_own && in->want > pending))
        return;
    if (!in->is_own || in->block->cap > 2 * pending + 64)
        move(in, pending);
}
