/*
 * queue_expiry.c - queues that go when nobody has used them for policy.expires_ms (RabbitMQ's
 * x-expires): no consumer, nobody waiting for a message, no declare and no get for that long.
 *
 *     used --policy.expires_ms without consumer--> gone, journalled as any deletion
 *       ^---- declare, get, the last consumer's end, a restart
 *
 *   Y1  Only such a queue has an expiry; its timer runs from the last use on, whatever comes after.
 *
 * Thread: the shard's.
 */
#include "engine/queue_int.h"

#include <stdlib.h>

struct queue_expiry {
    struct timer  timer;
    struct queue *queue;
    int64_t       used_ms;
};

static void arm(struct queue_expiry *x)
{
    int64_t due_ms = x->used_ms + x->queue->policy.expires_ms;

    timer_start(&x->queue->engine->timers, &x->timer, due_ms);
}

static bool is_in_use(const struct queue *q)
{
    return q->consumer_count > 0 || !list_empty(&q->waiters);
}

static void on_due(struct timer *t, int64_t now_ms)
{
    struct queue_expiry *x = CONTAINER(t, struct queue_expiry, timer);
    struct queue        *q = x->queue;
    struct engine       *e = q->engine;

    if (is_in_use(q))
        x->used_ms = now_ms;
    if (now_ms < x->used_ms + q->policy.expires_ms) {
        arm(x);
        return;
    }
    journal_begin_group(e->journal); /* with its topic */
    queue_delete(e, q);
    journal_end_group(e->journal);
}

void queue_expiry_used(struct queue *q)
{
    if (q->expiry)
        q->expiry->used_ms = q->engine->now_ms;
}

void queue_expiry_begin(struct queue *q)
{
    if (q->policy.expires_ms <= 0)
        return;
    q->expiry = mem_new(sizeof *q->expiry);
    q->expiry->queue = q;
    q->expiry->timer.fire = on_due;
    queue_expiry_used(q);
    arm(q->expiry);
}

void queue_expiry_fini(struct queue *q)
{
    if (!q->expiry)
        return;
    timer_stop(&q->engine->timers, &q->expiry->timer);
    free(q->expiry);
    q->expiry = NULL;
}
