/* reclaim.c - see reclaim.h. */
#include "engine/reclaim.h"
#include "engine/queue_int.h"

enum {
    STEP_CHUNKS = 256, /* of a turn: at most 65,536 messages, some milliseconds */
    STEP_QUEUES = 1000,
    REST_MS = 1000,
};

static bool is_enough(const struct engine *e)
{
    uint64_t max = e->options.leases_bytes_max;

    return list_empty(&e->starved) || e->held.lease_bytes <= max - max / 8;
}

/* The queue whose turn it is, or the next one. NULL: the pass is over. */
static struct queue *current_queue(struct engine *e)
{
    struct reclaim *r = &e->reclaim;
    struct queue   *q = r->queue ? idmap_get(&e->queues_id, r->queue) : NULL;

    if (!q) {
        q = idmap_next(&e->queues_id, &r->slot);
        r->lane = 0;
        r->chunk = 0;
    }
    r->queue = q ? q->id : 0;
    return q;
}

/* Some chunks of the lane whose turn it is. What is ordered knows its entries by their places. */
static void fold_some(struct reclaim *r, struct queue *q)
{
    if (q->policy.is_ordered || r->lane >= q->ledger.lane_count) {
        r->queue = 0;
        return;
    }
    r->folded += lane_fold(&q->ledger.lanes[r->lane], &r->chunk, STEP_CHUNKS);
    if (r->chunk == UINT64_MAX) {
        r->lane++;
        r->chunk = 0;
    }
}

/* False: the pass is over. */
static bool step(struct engine *e)
{
    struct reclaim *r = &e->reclaim;
    uint64_t        before = r->folded;

    for (int n = 0; n < STEP_QUEUES && r->folded - before < STEP_CHUNKS && !is_enough(e); n++) {
        struct queue *q = current_queue(e);

        if (!q)
            return false;
        fold_some(r, q);
    }
    return true;
}

static void on_timer(struct timer *t, int64_t now_ms)
{
    struct engine  *e = CONTAINER(t, struct engine, reclaim.timer);
    struct reclaim *r = &e->reclaim;
    bool            is_over = !step(e);
    bool            has_found = r->folded > 0;

    if (is_over) {
        r->slot = 0;
        r->folded = 0;
    }
    if (!is_enough(e))
        timer_start(&e->timers, t, now_ms + (is_over && !has_found ? REST_MS : 1));
}

void reclaim_init(struct engine *e)
{
    e->reclaim = (struct reclaim){ .timer.fire = on_timer };
}

void reclaim_stop(struct engine *e)
{
    timer_stop(&e->timers, &e->reclaim.timer);
}

void reclaim_want(struct engine *e)
{
    if (!timer_is_started(&e->reclaim.timer))
        timer_start(&e->timers, &e->reclaim.timer, e->now_ms);
}
