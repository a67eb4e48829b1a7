/*
 * consumer.c - subscriptions: who may take how much, and whose turn it is.
 *
 *     active (may take) --limit reached, seen when its turn comes--> blocked
 *            ^----------- a lease ends, credit, a raised limit --------'
 *
 *   K1  queue.active is ordered by falling priority; whoever got a message goes behind its equals.
 *   K2  A consumer in queue.blocked was over a limit when looked at last and has been told of
 *       nothing since.
 *   K3  An ended consumer (queue NULL) is in no list but engine.consumers, and stays only while
 *       leases name it.
 *   K4  Of a queue with a single active consumer all others stand by in queue.blocked, whatever their
 *       limits, until its turn comes: the one of highest priority, and of those the first that came.
 *
 * Thread: the shard's.
 */
#include "engine/queue_int.h"

#include <assert.h>
#include <stdlib.h>

enum {
    DELIVERY_MESSAGES_MAX = 256,
    DELIVERY_BYTES_MAX = 1024 * 1024,
    DELIVERY_CAP_FIRST = 4,
};

/* A limit that several consumers of one session share. */
struct limiter {
    uint64_t    id;
    uint64_t    messages_max; /* 0: none */
    uint64_t    messages_out;
    struct list in_session;
    struct list consumers;
};

/* ---- limits ---- */

static bool is_at(uint64_t count, uint64_t max)
{
    return max > 0 && count >= max;
}

static bool is_blocked(const struct consumer *c)
{
    if (c->transit_messages >= CONSUMER_TRANSIT_MESSAGES_MAX ||
        c->transit_bytes >= CONSUMER_TRANSIT_BYTES_MAX)
        return true;
    if (c->limiter && is_at(c->limiter->messages_out, c->limiter->messages_max))
        return true;
    return !c->no_ack &&
           (is_at(c->messages_out, c->messages_max) || is_at(c->bytes_out, c->bytes_max));
}

bool consumer_may_take(const struct consumer *c)
{
    return !is_blocked(c);
}

/* Into queue.active, behind its equals (K1). */
static void activate(struct consumer *c)
{
    struct list *n;

    list_remove(&c->in_line); /* first, so that the search does not stop at c itself */
    n = c->queue->active.prev;
    while (n != &c->queue->active &&
           CONTAINER(n, struct consumer, in_line)->priority < c->priority)
        n = n->prev;
    list_insert(n->next, &c->in_line);
}

/* Something that may have blocked it has changed. */
static void recheck(struct consumer *c)
{
    if (!c->queue || c->is_standby || is_blocked(c))
        return;
    if (c->is_waiting) {
        c->is_waiting = false;
        activate(c);
        queue_mark_dirty(c->engine, c->queue);
    }
    if (!list_empty(&c->order_waiting)) {
        queue_order_on_capacity(c);
        queue_mark_dirty(c->engine, c->queue);
    }
}

static void recheck_limiter(struct limiter *l)
{
    for (struct list *n = l->consumers.next; n != &l->consumers; n = n->next)
        recheck(CONTAINER(n, struct consumer, in_limiter));
}

struct consumer *consumer_next(struct queue *q)
{
    while (!list_empty(&q->active)) {
        struct consumer *c = CONTAINER(q->active.next, struct consumer, in_line);

        if (!is_blocked(c))
            return c;
        c->is_waiting = true;
        list_remove(&c->in_line);
        list_push(&q->blocked, &c->in_line);
    }
    return NULL;
}

void consumer_rotate(struct consumer *c)
{
    if (c->in_line.next != c->in_line.prev) /* not alone */
        activate(c);
}

void consumer_count(struct consumer *c, uint32_t bytes)
{
    c->transit_messages++;
    c->transit_bytes += bytes;
    c->open_bytes += bytes;
    if (c->no_ack)
        return;
    c->messages_out++;
    c->bytes_out += bytes;
    if (c->limiter)
        c->limiter->messages_out++;
}

static void free_if_done(struct engine *e, struct consumer *c)
{
    if (c->queue || c->messages_out > 0)
        return;
    list_remove(&c->in_limiter);
    idmap_remove(&e->consumers, c->id);
    free(c);
}

void consumer_on_lease_end(struct consumer *c, uint32_t bytes)
{
    struct limiter *l = c->limiter;

    assert(c->messages_out > 0);
    c->messages_out--;
    c->bytes_out -= bytes;
    recheck(c);
    if (l && l->messages_out-- == l->messages_max)
        recheck_limiter(l);
    free_if_done(c->engine, c);
}

/* ---- deliveries ---- */

struct message_ref *consumer_add(struct consumer *c, struct list *open)
{
    if (!c->open) {
        c->open_cap = DELIVERY_CAP_FIRST;
        c->open = mem_new(sizeof *c->open + c->open_cap * sizeof c->open->messages[0]);
        c->open_bytes = 0;
        list_push(open, &c->in_open);
    }
    if (c->open->message_count == c->open_cap) {
        c->open_cap *= 4;
        c->open = mem_resize(c->open, sizeof *c->open + c->open_cap * sizeof c->open->messages[0]);
    }
    return &c->open->messages[c->open->message_count++];
}

bool consumer_is_full(const struct consumer *c)
{
    return c->open->message_count >= DELIVERY_MESSAGES_MAX || c->open_bytes >= DELIVERY_BYTES_MAX;
}

static void post(struct engine *e, const struct consumer *c, struct delivery *d,
                 enum delivery_kind kind)
{
    d->kind = kind;
    d->consumer = c->id;
    d->deliver = c->deliver;
    d->ctx = c->ctx;
    engine_deliver(e, c->home, d);
}

void consumer_send(struct engine *e, struct consumer *c)
{
    struct delivery *d = c->open;

    c->open = NULL;
    list_remove(&c->in_open);
    post(e, c, d, DELIVERY_MESSAGES);
}

/* ---- single active ---- */

/* K4. */
static void stand_by(struct consumer *c)
{
    c->is_standby = true;
    list_push(&c->queue->blocked, &c->in_line);
}

static struct consumer *next_single(const struct queue *q)
{
    struct consumer *next = NULL;

    for (struct list *n = q->blocked.next; n != &q->blocked; n = n->next) {
        struct consumer *c = CONTAINER(n, struct consumer, in_line);

        if (c->is_standby && (!next || c->priority > next->priority))
            next = c;
    }
    return next;
}

static void promote(struct engine *e, struct queue *q)
{
    struct consumer *c = next_single(q);

    q->single = c;
    if (!c)
        return;
    c->is_standby = false;
    activate(c);
    queue_mark_dirty(e, q);
}

/* ---- the end ---- */

/* Out of its queue and session. Its leases stay as they are. It may be freed. */
static void end_consumer(struct engine *e, struct consumer *c)
{
    struct queue *q = c->queue;

    assert(!c->open);
    q->consumer_count--;
    if (q->exclusive == c)
        q->exclusive = NULL;
    list_remove(&c->in_line);
    queue_expiry_used(q);
    if (q->single == c)
        promote(e, q);
    list_remove(&c->in_session);
    while (list_pop(&c->order_waiting))
        ;
    c->queue = NULL;
    c->session = NULL;
    free_if_done(e, c);
}

static void delete_if_unused(struct engine *e, struct queue *q)
{
    if (q->is_auto_delete && q->consumer_count == 0)
        queue_delete(e, q);
}

static void end_line(struct engine *e, struct list *line)
{
    while (!list_empty(line)) {
        struct consumer *c = CONTAINER(line->next, struct consumer, in_line);

        post(e, c, mem_new(sizeof(struct delivery)), DELIVERY_ENDED);
        end_consumer(e, c);
    }
}

void consumer_on_queue_deleted(struct engine *e, struct queue *q)
{
    q->single = NULL; /* nobody follows */
    end_line(e, &q->active);
    end_line(e, &q->blocked);
    assert(q->consumer_count == 0);
}

static struct limiter *limiter_get(struct session *s, uint64_t id)
{
    struct limiter *l;

    for (struct list *n = s->limiters.next; n != &s->limiters; n = n->next) {
        l = CONTAINER(n, struct limiter, in_session);
        if (l->id == id)
            return l;
    }
    l = mem_new(sizeof *l);
    l->id = id;
    list_init(&l->consumers);
    list_push(&s->limiters, &l->in_session);
    return l;
}

static void free_limiters(struct session *s)
{
    struct list *n;

    while ((n = list_pop(&s->limiters)) != NULL) {
        struct limiter *l = CONTAINER(n, struct limiter, in_session);
        struct list    *c;

        while ((c = list_pop(&l->consumers)) != NULL)
            CONTAINER(c, struct consumer, in_limiter)->limiter = NULL;
        free(l);
    }
}

/* Leases by time outlive the session; what counts them is then alone with them. */
void consumer_on_session_close(struct engine *e, struct session *s)
{
    while (!list_empty(&s->consumers)) {
        struct consumer *c = CONTAINER(s->consumers.next, struct consumer, in_session);
        struct queue    *q = c->queue;

        end_consumer(e, c);
        delete_if_unused(e, q);
    }
    free_limiters(s);
}

void consumer_fini(struct engine *e)
{
    struct session  *s;
    struct consumer *c;
    size_t           at;

    for (at = 0; (s = idmap_next(&e->sessions, &at)) != NULL;)
        free_limiters(s);
    for (at = 0; (c = idmap_next(&e->consumers, &at)) != NULL;) {
        if (c->queue) {
            c->queue->consumer_count--;
            list_remove(&c->in_line);
        }
        list_remove(&c->in_session);
        list_remove(&c->in_limiter);
        while (list_pop(&c->order_waiting))
            ;
        free(c);
    }
    idmap_fini(&e->consumers);
}

/* ---- calls ---- */

static enum err check(const struct queue *q, const struct subscribe_call *a)
{
    if (!q)
        return ERR_NO_QUEUE;
    if (a->call.session == 0)
        return ERR_BAD_ARGUMENT;
    if (queue_is_locked(q, a->call.session))
        return ERR_LOCKED;
    if (q->exclusive || (a->is_exclusive && (q->consumer_count > 0 || q->policy.is_single_active)))
        return ERR_IN_USE;
    return ERR_OK;
}

static struct consumer *consumer_new(struct engine *e, struct queue *q,
                                     const struct subscribe_call *a)
{
    struct consumer *c = mem_new(sizeof *c);

    *c = (struct consumer){
        .id = ++e->last_consumer,
        .engine = e,
        .queue = q,
        .session = session_get(e, a->call.session),
        .home = a->call.home,
        .deliver = a->deliver,
        .ctx = a->ctx,
        .messages_max = a->messages_max,
        .bytes_max = a->bytes_max,
        .lease_ms = a->lease_ms,
        .priority = a->priority,
        .no_ack = a->no_ack,
        .is_bound = a->is_bound,
    };
    list_init(&c->in_line);
    list_init(&c->in_limiter);
    list_init(&c->in_open);
    list_init(&c->order_waiting);
    list_init(&c->in_session);
    list_push(&c->session->consumers, &c->in_session);
    if (a->limiter) {
        c->limiter = limiter_get(c->session, a->limiter);
        list_push(&c->limiter->consumers, &c->in_limiter);
    }
    return c;
}

void consumer_on_subscribe(struct engine *e, struct call *call)
{
    struct subscribe_call *a = (struct subscribe_call *)call;
    struct queue          *q = queue_find(e, a->ns, a->queue);
    enum err               err = check(q, a);
    struct consumer       *c;

    if (!err) {
        c = consumer_new(e, q, a);
        idmap_put(&e->consumers, c->id, c);
        if (q->single)
            stand_by(c);
        else
            activate(c);
        if (q->policy.is_single_active && !q->single)
            q->single = c;
        q->consumer_count++;
        if (a->is_exclusive)
            q->exclusive = c;
        a->consumer = c->id;
        queue_mark_dirty(e, q);
    }
    engine_answer(e, call, err);
}

/* A live consumer of the call's session, or NULL. */
static struct consumer *consumer_of(struct engine *e, const struct call *call, uint64_t id)
{
    struct consumer *c = idmap_get(&e->consumers, id);

    return c && c->queue && c->session->id == call->session ? c : NULL;
}

void consumer_on_unsubscribe(struct engine *e, struct call *call)
{
    struct consumer *c = consumer_of(e, call, ((struct unsubscribe_call *)call)->consumer);
    struct queue    *q;

    if (c) {
        q = c->queue;
        end_consumer(e, c);
        delete_if_unused(e, q);
    }
    engine_answer(e, call, ERR_OK);
}

static uint64_t less(uint64_t from, uint64_t n)
{
    return from > n ? from - n : 0;
}

void consumer_on_credit(struct engine *e, struct call *call)
{
    struct credit_call *a = (struct credit_call *)call;
    struct consumer    *c = consumer_of(e, call, a->consumer);

    if (c) {
        c->transit_messages = less(c->transit_messages, a->messages);
        c->transit_bytes = c->transit_messages > 0 ? less(c->transit_bytes, a->bytes) : 0;
        if (a->set_limits) {
            c->messages_max = a->messages_max;
            c->bytes_max = a->bytes_max;
        }
        recheck(c);
    }
    engine_answer(e, call, ERR_OK);
}

void consumer_on_limiter_set(struct engine *e, struct call *call)
{
    struct limiter_set_call *a = (struct limiter_set_call *)call;

    if (call->session != 0) {
        struct limiter *l = limiter_get(session_get(e, call->session), a->limiter);

        l->messages_max = a->messages_max;
        recheck_limiter(l);
    }
    engine_answer(e, call, call->session ? ERR_OK : ERR_BAD_ARGUMENT);
}
