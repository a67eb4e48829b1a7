/*
 * intake.h - the receiving buffer of one connection: what arrived and was not used up yet, always contiguous.
 *
 * Nothing is kept while nothing is pending: bytes are received into the loop's pool block, and when all of them
 * are used up the connection owns no memory. An unfinished frame is kept in a block of about its own size. When
 * a door says how much it needs (want), the block is made that big at once up to INTAKE_TRUST_BYTES, so that a
 * large frame is received in place; beyond that it doubles as bytes really arrive, so that a lying length costs
 * its sender bytes, and us no memory.
 *
 *   I1  start..end are the pending bytes, inside block or, during a turn, inside the pool's block.
 *   I2  A byte that was shown to the door is never written again.
 *
 * Thread: the loop's.
 */
#ifndef NET_INTAKE_H
#define NET_INTAKE_H

#include "base/block.h"
#include "net/pool.h"

enum {
    INTAKE_TRUST_BYTES = 1024 * 1024,
    INTAKE_SMALL_BYTES = 16 * 1024, /* less pending than this is copied to make a better place for it */
    INTAKE_ROOM_MIN = 8 * 1024,     /* a receive call for less is not worth it, unless it completes a frame */
};

struct intake {
    struct block *block; /* held; NULL when nothing is pending */
    size_t        start;
    size_t        end;
    size_t        want;   /* bytes the door waits for; 0: any */
    bool          is_own; /* nobody else receives into block; else it is, or was, the pool's */
};

void intake_fini(struct intake *in);
/* Where to receive: at least one byte of room behind what is pending. */
uint8_t *intake_room(struct intake *in, struct pool *pool, size_t *room);
/* n bytes were written there. */
void intake_filled(struct intake *in, struct pool *pool, size_t n);
/* What is pending; the hold stays with the intake. */
struct slice intake_view(const struct intake *in);
static inline size_t intake_pending(const struct intake *in)
{
    return in->end - in->start;
}
void intake_used(struct intake *in, size_t n);
/* No more receiving for now: keep what is pending in a block that fits it. */
void intake_rest(struct intake *in);

#endif
