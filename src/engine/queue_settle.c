/*
 * queue_settle.c - how leases end: settled, released, extended, run out; and what follows from it.
 *
 *   S1  Only the present lease of a message can be ended by its holder: the token is the number of
 *       that lease. One exception that SQS needs (stale_ack_ok): an old token acknowledges a
 *       message that is ready again.
 *   S2  One call is one change per queue and action, whatever its number of items.
 *   S3  An expired lease is an event of its own in the journal; a passed delay is not
 *       (queue_journal.c).
 *
 * Thread: the shard's.
 */
#include "engine/queue_int.h"
#include "engine/retention.h"
#include "engine/share.h"
#include "engine/transact.h"

enum {
    DUE_PER_TICK_MAX = 10000, /* then others get their turn */
    TRIM_STEP = 256, /* messages; for less it is not worth to look at all queues of the topic */
};

/* ---- timers ---- */

void queue_arm(struct queue *q)
{
    int64_t due_ms = ledger_due_ms(&q->ledger);

    retention_arm_queue(q);
    if (due_ms == INT64_MAX || (timer_is_started(&q->timer) && q->timer.due_ms <= due_ms))
        return;
    timer_start(&q->engine->timers, &q->timer, due_ms);
}

static void release(struct queue_writer *w, struct queue *q, struct held *h, int64_t ready_ms,
                    enum release_reason reason, bool is_free)
{
    uint64_t flags = (uint64_t)reason << RELEASED_REASON_SHIFT | (is_free ? RELEASED_FREE : 0u);

    queue_touch(q);
    writer_note(w, q, CHANGE_QUEUE_RELEASED, flags, ready_ms, held_lane(h), h->offset);
    queue_end_lease(h);
    held_release(h, ready_ms, is_free);
    queue_order_on_release(q, h);
    if (q->share)
        share_on_release(q, h);
}

/* With what must be released because of it (queue_order.c). */
static void release_all(struct queue_writer *w, struct queue *q, struct held *h, int64_t ready_ms,
                        enum release_reason reason, bool is_free)
{
    struct held *later;

    release(w, q, h, ready_ms, reason, is_free);
    while ((later = queue_order_follower(h)) != NULL)
        release(w, q, later, 0, RELEASE_ORDER, true);
}

struct due {
    struct queue_writer w;
    struct queue       *q;
};

static void pass_on(void *ctx, struct held *h)
{
    struct due *d = ctx;

    if (h->state == HELD_LEASED) {
        release_all(&d->w, d->q, h, d->q->share ? share_ready_ms(d->q, h) : 0, RELEASE_DEADLINE, false);
    } else {
        held_wake(h);
        queue_order_on_wake(d->q, h);
    }
}

static void on_due(struct timer *t, int64_t now_ms)
{
    struct due d = { .q = CONTAINER(t, struct queue, timer) };
    bool       is_all;

    queue_touch(d.q);
    writer_init(&d.w, d.q->engine);
    is_all = ledger_run_due(&d.q->ledger, now_ms, DUE_PER_TICK_MAX, pass_on, &d);
    writer_fini(&d.w);
    queue_mark_dirty(d.q->engine, d.q);
    if (is_all)
        queue_arm(d.q);
    else
        timer_start(&d.q->engine->timers, &d.q->timer, now_ms + 1);
}

void queue_init_timer(struct queue *q)
{
    q->timer.fire = on_due;
}

/* ---- the end of a lease ---- */

void queue_end_lease(struct held *h)
{
    struct queue    *q = CONTAINER(held_lane(h)->ledger, struct queue, ledger);
    struct consumer *c = h->holder;

    list_remove(&h->in_holder);
    h->holder = NULL;
    if (c && q->share)
        share_on_lease_end(q, c, held_lane(h)->index);
    else if (c)
        consumer_on_lease_end(c, h->bytes);
}

void queue_let_go(void *queue, struct held *h)
{
    queue_order_on_settle(queue, h);
    queue_end_lease(h);
}

static bool is_worth_trimming(const struct log *l, uint64_t floor)
{
    return floor > l->start && (floor == l->end || floor - l->start >= TRIM_STEP);
}

/* What lies below no queue over the topic needs. */
static uint64_t settled_by_all(const struct log *l)
{
    const struct list *queues = &l->topic->queues;
    uint64_t           floor = l->end;

    for (struct list *n = queues->next; n != queues; n = n->next) {
        uint64_t needs = queue_needs(queue_in_topic(n), l);

        floor = needs < floor ? needs : floor;
    }
    return floor;
}

void queue_trim(struct queue *q, uint32_t lane)
{
    struct topic *t = q->topic;
    struct log   *l;
    uint64_t      floor;

    if (!t || t->policy.retention == RETAIN_TIME)
        return;
    l = t->logs[lane];
    if (t->policy.retention == RETAIN_BOTH) {
        retention_arm(q->engine, l);
        return;
    }
    cleaner_note(q->engine, l);
    if (!is_worth_trimming(l, queue_needs(q, l)))
        return;
    floor = settled_by_all(l);
    if (is_worth_trimming(l, floor))
        log_settled(q->engine, l, floor);
}

/* Where such a log begins is not journalled, it follows from the settles: with all of them replayed
 * it begins where it did, or later. */
void queue_trim_recovered(struct engine *e)
{
    size_t        at = 0;
    struct topic *t;

    while ((t = map_next(&e->topics, &at)) != NULL) {
        if (t->policy.retention != RETAIN_UNTIL_SETTLED || list_empty(&t->queues))
            continue;
        for (uint32_t i = 0; i < t->log_count; i++) {
            uint64_t floor = settled_by_all(t->logs[i]);

            if (floor > t->logs[i]->start)
                log_settled(e, t->logs[i], floor);
        }
    }
    log_trim_settled(e);
}

/* And what it follows from is about to go. */
void queue_note_starts(struct engine *e, const struct topic *t)
{
    if (t->policy.retention != RETAIN_UNTIL_SETTLED)
        return;
    for (uint32_t i = 0; i < t->log_count; i++)
        if (t->logs[i]->start > 0)
            retention_cut(e, t->logs[i], t->logs[i]->start);
}

void queue_release_session(struct engine *e, struct session *s)
{
    struct queue_writer w;

    writer_init(&w, e);
    while (!list_empty(&s->leases)) {
        struct held  *h = CONTAINER(s->leases.next, struct held, in_holder);
        struct queue *q = CONTAINER(held_lane(h)->ledger, struct queue, ledger);

        release_all(&w, q, h, 0, RELEASE_SESSION, false);
        queue_mark_dirty(e, q);
    }
    writer_fini(&w);
}

struct bound_release {
    struct queue_writer w;
    struct queue       *q;
};

static void release_if_bound(void *ctx, struct held *h)
{
    struct bound_release *r = ctx;

    if (h->state == HELD_LEASED && (h->is_bound || r->q->share))
        release(&r->w, r->q, h, 0, RELEASE_RECOVERED, false);
}

void queue_release_bound(struct engine *e, struct queue *q)
{
    struct bound_release r = { .q = q };

    writer_init(&r.w, e);
    for (uint32_t i = 0; i < q->ledger.lane_count; i++)
        lane_each(&q->ledger.lanes[i], release_if_bound, &r);
    writer_fini(&r.w);
}

/* ---- CALL_SETTLE ---- */

struct settling {
    struct engine            *e;
    const struct settle_call *call;
    struct queue_writer       w;
    struct queue             *queue; /* of the last item */
    uint32_t                  lane;  /* of the last item */
};

static void switch_to(struct settling *s, struct queue *q, uint32_t lane)
{
    if (s->queue == q && s->lane == lane)
        return;
    if (s->queue) {
        queue_check(s->queue);
        queue_trim(s->queue, s->lane);
    }
    s->queue = q;
    s->lane = lane;
}

void queue_settle_held(struct queue_writer *w, struct queue *q, struct held *h, enum fate fate)
{
    queue_touch(q);
    writer_note(w, q, CHANGE_QUEUE_SETTLED, fate, 0, held_lane(h), h->offset);
    queue_order_on_settle(q, h);
    queue_end_lease(h);
    held_settle(h, fate);
}

void queue_release_held(struct queue_writer *w, struct queue *q, struct held *h, bool is_asked)
{
    release_all(w, q, h, is_asked ? share_ready_ms(q, h) : 0, is_asked ? RELEASE_ASKED : RELEASE_SESSION, false);
}

void queue_extend_held(struct queue_writer *w, struct queue *q, struct held *h, int64_t deadline_ms)
{
    queue_touch(q);
    writer_note(w, q, CHANGE_QUEUE_EXTENDED, 0, deadline_ms, held_lane(h), h->offset);
    held_extend(h, deadline_ms);
}

static void end(struct settling *s, struct held *h, enum fate fate)
{
    queue_settle_held(&s->w, s->queue, h, fate);
}

static void give_back(struct settling *s, struct held *h, int64_t delay_ms)
{
    release_all(&s->w, s->queue, h, delay_ms > 0 ? s->e->now_ms + delay_ms : 0, RELEASE_ASKED,
            s->call->requeue_free);
    queue_arm(s->queue);
    queue_mark_dirty(s->e, s->queue);
}

/* A bound lease has no deadline to move. */
static void extend(struct settling *s, struct held *h, int64_t delay_ms)
{
    int64_t deadline_ms = s->e->now_ms + delay_ms;

    if (h->is_bound)
        return;
    queue_extend_held(&s->w, s->queue, h, deadline_ms);
    queue_arm(s->queue);
}

static void act(struct settling *s, const struct settle_item *item, struct held *h)
{
    switch (item->action) {
    case SETTLE_ACK:
        end(s, h, FATE_ACKED);
        break;
    case SETTLE_REJECT:
        end(s, h, FATE_REJECTED);
        break;
    case SETTLE_DEAD_LETTER:
        end(s, h, FATE_DEAD_LETTERED);
        break;
    case SETTLE_RELEASE:
        give_back(s, h, item->delay_ms);
        break;
    case SETTLE_EXTEND:
        if (item->delay_ms > 0)
            extend(s, h, item->delay_ms);
        else
            give_back(s, h, 0);
        break;
    }
}

/* S1 */
static bool is_holder(const struct settling *s, const struct settle_item *item,
                      const struct held *h)
{
    if (h->state == HELD_LEASED)
        return item->lease.token == h->attempts;
    return s->call->stale_ack_ok &&
           (item->action == SETTLE_ACK || item->action == SETTLE_DEAD_LETTER) &&
           item->lease.token > 0 && item->lease.token <= h->attempts;
}

/* The message whose lease the item names. */
static enum err find_lease(struct settling *s, struct settle_item *item, struct held **out)
{
    const struct lease *lease = &item->lease;
    struct queue       *q = s->queue;
    const struct lane  *lane;

    *out = NULL;
    item->is_gone = false;
    if (!q || q->id != lease->queue_id)
        q = queue_by_id(s->e, lease->queue_id);
    if (!q)
        return ERR_NO_QUEUE;
    if (lease->partition >= q->ledger.lane_count) { /* detached meanwhile */
        item->is_gone = true;
        return ERR_NO_LEASE;
    }
    switch_to(s, q, lease->partition);
    lane = &q->ledger.lanes[lease->partition];
    *out = ledger_find(lane, lease->offset);
    if (*out && is_holder(s, item, *out))
        return ERR_OK;
    item->is_gone = !*out && lease->offset < lane->end && !ledger_is_open(lane, lease->offset);
    return ERR_NO_LEASE;
}

static enum err settle_item(struct settling *s, struct settle_item *item)
{
    struct held *h;
    enum err     err = find_lease(s, item, &h);

    if (!err)
        act(s, item, h);
    return err;
}

void queue_on_settle(struct engine *e, struct call *c)
{
    struct settle_call *a = (struct settle_call *)c;
    struct settling     s = { .e = e, .call = a };

    writer_init(&s.w, e);
    for (size_t i = 0; i < a->item_count; i++)
        a->items[i].err = settle_item(&s, &a->items[i]);
    switch_to(&s, NULL, 0);
    writer_fini(&s.w);
    engine_answer(e, c, ERR_OK);
}

/* ---- as part of a transaction ---- */

/* A lease that was named before is not there a second time. */
static enum err claim_lease(struct settling *s, struct settle_item *item)
{
    struct held *h;
    enum err     err = find_lease(s, item, &h);

    if (!err && h->is_marked)
        err = ERR_NO_LEASE;
    if (!err)
        h->is_marked = true;
    return err;
}

enum err queue_check_settle(struct engine *e, struct call *c)
{
    struct settle_call *a = (struct settle_call *)c;
    struct settling     s = { .e = e, .call = a };

    for (size_t i = 0; i < a->item_count; i++)
        a->items[i].err = ERR_NO_LEASE; /* not claimed */
    for (size_t i = 0; i < a->item_count; i++) {
        a->items[i].err = claim_lease(&s, &a->items[i]);
        if (a->items[i].err && !a->gone_ok)
            return a->items[i].err;
    }
    return ERR_OK;
}

static bool gives_back(const struct settle_item *item)
{
    return item->action == SETTLE_RELEASE || item->action == SETTLE_EXTEND;
}

/* With one of an ordered queue those behind it may have returned already (queue_order.c). */
void queue_perform_settle(struct engine *e, struct call *c, enum transact_phase phase)
{
    struct settle_call *a = (struct settle_call *)c;
    struct settling     s = { .e = e, .call = a };

    writer_init(&s.w, e);
    for (size_t i = 0; i < a->item_count; i++) {
        struct settle_item *item = &a->items[i];

        if (item->err || gives_back(item) != (phase == TRANSACT_GIVE_BACK))
            continue;
        item->err = settle_item(&s, item);
        if (item->err && item->action == SETTLE_RELEASE)
            item->err = ERR_OK;
    }
    switch_to(&s, NULL, 0);
    writer_fini(&s.w);
}

void queue_end_settle(struct engine *e, struct call *c)
{
    const struct settle_call *a = (struct settle_call *)c;

    for (size_t i = 0; i < a->item_count; i++) {
        const struct lease *lease = &a->items[i].lease;
        struct queue       *q = queue_by_id(e, lease->queue_id);
        struct held        *h = NULL;

        if (q && lease->partition < q->ledger.lane_count)
            h = ledger_find(&q->ledger.lanes[lease->partition], lease->offset);
        if (h)
            h->is_marked = false;
    }
}
