/*
 * share_fetch.c - ShareFetch and ShareAcknowledge as the engine sees them.
 *
 *     session step --> acknowledgements, one partition after the other --> end of the session, or
 *                        |  ^ loaded                                       fetch --something, or late--> answered
 *                        `--' (share_settle.c SA2)                           |  ^ something is ready,
 *                                                                            `--' room for locks, loaded
 *
 *   SF1  A member gets from its partitions in turn, beginning with another one each time; of each what is oldest. Who
 *        waits longest is served first.
 *   SF2  Of a partition at most locks_max records are locked at once, whoever has them.
 *   SF3  A fetch that would get nothing only because all of it is cold waits for that, however short its wait is.
 *
 * Thread: the shard's.
 */
#include "engine/share_int.h"

#include <stdlib.h>

struct share_wait {
    struct share_fetch_call *call;
    struct list              in_queue; /* share_queue.waiters */
};

/* call.waits; in the call's arena. */
struct progress {
    size_t             item; /* whose acknowledgements are carried out */
    struct share_place place;
    bool               is_parked;
    bool               is_late;
    bool               is_first; /* of its session: all partitions are answered */
    size_t             wait_count, wait_cap;
    struct share_wait *waits;
    size_t             answer_cap;
    struct list        parked;
};

/* ---- answers ---- */

static int by_part(const void *a, const void *b)
{
    const struct share_answer *x = a;
    const struct share_answer *y = b;
    int                        order = memcmp(&x->part.uuid, &y->part.uuid, sizeof x->part.uuid);

    return order != 0 ? order : (x->part.partition > y->part.partition) - (x->part.partition < y->part.partition);
}

/* What is said of one partition becomes one answer. */
static void join_answers(struct share_fetch_call *a)
{
    size_t n = 0;

    if (a->answer_count == 0)
        return;
    qsort(a->answers, a->answer_count, sizeof *a->answers, by_part);
    for (size_t i = 1; i < a->answer_count; i++) {
        struct share_answer       *to = &a->answers[n];
        const struct share_answer *from = &a->answers[i];

        if (by_part(to, from) != 0) {
            a->answers[++n] = *from;
            continue;
        }
        to->err = to->err ? to->err : from->err;
        to->ack_err = to->ack_err ? to->ack_err : from->ack_err;
        to->is_acked |= from->is_acked;
        if (from->ref_count > 0) {
            to->first_ref = from->first_ref;
            to->ref_count = from->ref_count;
        }
    }
    a->answer_count = n + 1;
}

static void finish(struct engine *e, struct share_fetch_call *a, enum err err)
{
    if (!err)
        join_answers(a);
    engine_answer_messages(e, &a->call, err, a->refs, err ? 0 : a->ref_count);
}

/* ---- parking ---- */

static void proceed(struct engine *e, struct share_fetch_call *a);

static void on_unpark(struct engine *e, struct call *c)
{
    struct progress *p = c->waits;

    (void)e;
    for (size_t i = 0; i < p->wait_count; i++)
        list_remove(&p->waits[i].in_queue);
    p->wait_count = 0;
}

static void on_timeout(struct engine *e, struct call *c)
{
    ((struct progress *)c->waits)->is_late = true;
    proceed(e, (struct share_fetch_call *)c);
}

/* For so many, which are not waited for yet. */
static void begin_waits(struct share_fetch_call *a, size_t count)
{
    struct progress *p = a->call.waits;

    on_unpark(NULL, &a->call);
    if (count <= p->wait_cap)
        return;
    p->waits = arena_array(&a->call.arena, count, sizeof *p->waits);
    p->wait_cap = count;
}

static void wait_for(struct share_fetch_call *a, struct queue *q)
{
    struct progress   *p = a->call.waits;
    struct share_wait *w = &p->waits[p->wait_count++];

    w->call = a;
    list_init(&w->in_queue);
    list_push(&q->share->waiters, &w->in_queue);
}

static void park(struct engine *e, struct share_fetch_call *a, int64_t deadline_ms)
{
    struct progress *p = a->call.waits;

    if (p->is_parked)
        return;
    p->is_parked = true;
    engine_park(e, &a->call, &p->parked, deadline_ms, on_timeout);
}

/* The queue goes: what waits for it looks again as if its wait were over. */
void share_turn_away(struct queue *q)
{
    struct list *n;

    while ((n = list_pop(&q->share->waiters)) != NULL) {
        struct share_fetch_call *a = CONTAINER(n, struct share_wait, in_queue)->call;

        timer_start(&q->engine->timers, &a->call.timer, q->engine->now_ms);
    }
}

/* Until what is cold is there. */
static void wait_for_load(struct engine *e, struct share_fetch_call *a, struct queue *q)
{
    begin_waits(a, 1);
    wait_for(a, q);
    q->share->is_pressed = true;
    park(e, a, INT64_MAX);
}

void share_wake(struct queue *q)
{
    struct share_queue *s = q->share;
    struct engine      *e = q->engine;
    struct list         all;
    struct list        *n;

    if (q->ledger.ready_count == 0 && !s->is_pressed)
        return;
    s->is_pressed = false;
    list_init(&all);
    while ((n = list_pop(&s->waiters)) != NULL)
        list_push(&all, n);
    while ((n = list_pop(&all)) != NULL) {
        list_push(&s->waiters, n); /* until it is answered */
        proceed(e, CONTAINER(n, struct share_wait, in_queue)->call);
    }
}

/* ---- partitions ---- */

static enum err find_queue(const struct share_group *g, const struct share_part *part, struct queue **out)
{
    struct topic *t = topic_find_uuid(g->engine, &part->uuid);

    *out = NULL;
    if (!t || !bytes_eq(t->key.ns, g->key.ns))
        return ERR_NO_TOPIC;
    if (part->partition >= t->log_count)
        return ERR_NO_PARTITION;
    *out = share_queue_of(g, t);
    return *out ? ERR_OK : ERR_NO_QUEUE;
}

/* Room for so many more. */
static void begin_answers(struct share_fetch_call *a, size_t count)
{
    struct progress     *p = a->call.waits;
    struct share_answer *before = a->answers;

    if (a->answer_count + count <= p->answer_cap)
        return;
    p->answer_cap = a->answer_count + count;
    a->answers = arena_array(&a->call.arena, p->answer_cap, sizeof *a->answers);
    if (a->answer_count > 0)
        memcpy(a->answers, before, a->answer_count * sizeof *before);
}

static struct share_answer *answer(struct share_fetch_call *a, const struct share_part *part)
{
    struct share_answer *to = &a->answers[a->answer_count++];

    *to = (struct share_answer){ .part = *part };
    return to;
}

/* ---- acknowledgements ---- */

/* False: it waits. */
static bool settle_item(struct engine *e, struct share_fetch_call *a, struct share_holder *h,
                        const struct share_item *item)
{
    struct progress     *p = a->call.waits;
    struct share_answer *to;
    struct queue        *q;
    enum err             err = find_queue(h->group, &item->part, &q);

    if (!err && !share_settle(h, q, item, a->renews, &p->place, &err)) {
        wait_for_load(e, a, q);
        return false;
    }
    to = answer(a, &item->part);
    to->is_acked = true;
    to->ack_err = err;
    return true;
}

static bool settle_all(struct engine *e, struct share_fetch_call *a, struct share_holder *h)
{
    struct progress *p = a->call.waits;

    for (; p->item < a->item_count; p->item++) {
        if (a->items[p->item].ack_count > 0 && !settle_item(e, a, h, &a->items[p->item]))
            return false;
        p->place = (struct share_place){ 0 };
    }
    return true;
}

/* ---- fetching ---- */

struct look {
    struct share_fetch_call   *a;
    struct share_holder       *h;
    const struct group_policy *policy;
    uint64_t                   bytes;
    bool                       has_error;
    bool                       is_cold;
};

/* SF2 */
static uint32_t room_in(const struct look *k, const struct queue *q, uint32_t lane)
{
    uint64_t locked = lane < q->share->lock_count ? q->share->locks[lane] : 0;
    uint64_t most = (uint64_t)k->policy->locks_max;

    return locked < most ? (uint32_t)(most - locked) : 0;
}

static void take_from(struct look *k, struct queue *q, uint32_t lane, struct share_answer *to)
{
    struct share_fetch_call *a = k->a;
    uint32_t                 left = a->messages_max - (uint32_t)a->ref_count;
    uint32_t                 room = room_in(k, q, lane);
    struct queue_taking      t = {
             .queue = q,
             .lane = lane,
             .messages_max = left < room ? left : room,
             .messages_most = a->whole_batches ? room : left < room ? left : room,
             .bytes_max = a->bytes_max,
             .deadline_ms = q->engine->now_ms + k->policy->lock_ms,
             .committed_only = k->policy->committed_only,
             .holder = k->h,
             .leases = &k->h->leases,
             .arena = &a->call.arena,
             .count = a->ref_count,
             .cap = a->ref_count,
             .refs = a->refs,
             .bytes = k->bytes,
    };

    if (room == 0)
        return;
    queue_take(&t);
    to->first_ref = a->ref_count;
    to->ref_count = t.count - a->ref_count;
    a->refs = t.refs;
    a->ref_count = t.count;
    k->bytes = t.bytes;
    k->is_cold |= !list_empty(&q->load.in_load);
}

static void look_at(struct look *k, const struct share_part *part)
{
    const struct progress *p = k->a->call.waits;
    struct share_answer   *to = answer(k->a, part);
    struct queue          *q;

    to->err = find_queue(k->h->group, part, &q);
    k->has_error |= to->err != ERR_OK;
    if (q && k->a->ref_count < k->a->messages_max && (k->a->ref_count == 0 || k->bytes < k->a->bytes_max))
        take_from(k, q, part->partition, to);
    if (!p->is_first && !to->err && to->ref_count == 0)
        k->a->answer_count--;
}

static void wait_for_more(struct engine *e, struct share_fetch_call *a, const struct look *k)
{
    struct progress *p = a->call.waits;

    begin_waits(a, k->h->part_count);
    for (size_t i = 0; i < k->h->part_count; i++) {
        struct queue *q;

        if (find_queue(k->h->group, &k->h->parts[i], &q) != ERR_OK)
            continue;
        wait_for(a, q);
        q->share->is_pressed |= p->is_late;
    }
    park(e, a, p->is_late ? INT64_MAX : e->now_ms + a->wait_ms);
}

static void fetch(struct engine *e, struct share_fetch_call *a, struct share_holder *h)
{
    struct progress *p = a->call.waits;
    struct look      k = { .a = a, .h = h, .policy = share_policy(h->group) };
    size_t           acked = a->answer_count;
    size_t           first = h->part_count > 0 ? (size_t)h->epoch % h->part_count : 0;

    begin_answers(a, h->part_count);
    for (size_t i = 0; i < h->part_count; i++)
        look_at(&k, &h->parts[(first + i) % h->part_count]);
    if (a->ref_count > 0 || k.has_error || (p->is_late && !k.is_cold) || h->part_count == 0) {
        finish(e, a, ERR_OK);
        return;
    }
    a->answer_count = acked;
    wait_for_more(e, a, &k);
}

/* ---- the call ---- */

static void proceed(struct engine *e, struct share_fetch_call *a)
{
    struct share_group  *g = share_group_find(e, a->ns, a->group);
    struct share_holder *h = g ? share_holder_find(g, a->place, a->member_id) : NULL;

    if (!h || !h->has_session) {
        finish(e, a, ERR_UNKNOWN_MEMBER);
        return;
    }
    if (!settle_all(e, a, h))
        return;
    if (a->epoch == -1)
        share_holder_end(h);
    if (a->epoch == -1 || a->call.kind == CALL_SHARE_ACKNOWLEDGE || a->renews || a->messages_max == 0)
        finish(e, a, ERR_OK);
    else
        fetch(e, a, h);
}

static void begin(struct share_fetch_call *a, const struct share_holder *h)
{
    struct progress *p = arena_struct(&a->call.arena, struct progress);

    p->is_late = a->wait_ms <= 0;
    p->is_first = a->epoch == 0;
    list_init(&p->parked);
    a->call.waits = p;
    a->call.on_unpark = on_unpark;
    begin_answers(a, a->item_count);
    a->lock_ms = share_policy(h->group)->lock_ms;
    if (a->messages_max > SHARE_MESSAGES_MAX)
        a->messages_max = SHARE_MESSAGES_MAX;
}

void share_on_fetch(struct engine *e, struct call *c)
{
    struct share_fetch_call *a = (struct share_fetch_call *)c;
    struct share_group      *g = share_group_find(e, a->ns, a->group);
    struct share_holder     *h = NULL;
    enum err                 err = g ? share_session_step(g, a, &h) : ERR_NO_GROUP;

    a->answer_count = a->ref_count = 0;
    if (err) {
        engine_answer(e, c, err);
        return;
    }
    begin(a, h);
    proceed(e, a);
}
