/*
 * share_lease.c - locks: how many there are, and what becomes of records that come back.
 *
 *   SL1  The locks of a lane are its leases that have a holder. After a restart there are none: what was leased is
 *        released before anything is handed out.
 *   SL2  A record that comes back is ready at once, or after a delay when the group's policy has one: release_delay_ms,
 *        doubled with each attempt after the first up to release_delay_max_ms. What comes back because its member is
 *        gone comes at once: nobody has found anything wrong with it.
 *
 * Thread: the shard's.
 */
#include "engine/share_int.h"

#include <assert.h>
#include <stdlib.h>

/* ---- counts ---- */

static uint32_t *locks_of(struct share_queue *s, uint32_t lane)
{
    uint32_t count = s->queue->ledger.lane_count;

    if (lane >= s->lock_count) {
        s->locks = mem_resize(s->locks, count * sizeof *s->locks);
        memset(s->locks + s->lock_count, 0, (count - s->lock_count) * sizeof *s->locks);
        s->lock_count = count;
    }
    return &s->locks[lane];
}

void share_on_lease(struct queue *q, void *holder, uint32_t lane)
{
    struct share_holder *h = holder;

    h->lease_count++;
    ++*locks_of(q->share, lane);
}

void share_on_lease_end(struct queue *q, void *holder, uint32_t lane)
{
    struct share_holder *h = holder;
    uint32_t            *locks = locks_of(q->share, lane);

    assert(h->lease_count > 0 && *locks > 0);
    h->lease_count--;
    --*locks;
    queue_mark_dirty(q->engine, q); /* there is room for others */
    share_holder_drop(h);
}

/* ---- what comes back (SL2) ---- */

int64_t share_ready_ms(struct queue *q, const struct held *h)
{
    const struct group_policy *p = share_policy(q->share->group);
    int64_t                    delay_ms = p->release_delay_ms;

    if (delay_ms <= 0 || share_is_spent(q, h))
        return 0;
    for (uint32_t i = 1; i < h->attempts && delay_ms < p->release_delay_max_ms; i++)
        delay_ms *= 2;
    if (p->release_delay_max_ms > p->release_delay_ms && delay_ms > p->release_delay_max_ms)
        delay_ms = p->release_delay_max_ms;
    return q->engine->now_ms + delay_ms;
}

void share_on_release(struct queue *q, struct held *h)
{
    if (h->state == HELD_READY && share_is_spent(q, h))
        share_bury(q, h);
}

void share_dispatch(struct queue *q)
{
    share_bury_all(q);
    share_wake(q);
}
