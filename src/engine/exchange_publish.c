/*
 * exchange_publish.c - CALL_PUBLISH: from an exchange and keys to the logs of topics, as one
 * change.
 *
 *   P1  A queue is reached once, however many bindings and exchanges lead to it; an exchange is
 *       looked at once, so that exchanges bound in a circle come to an end. Marks with the number
 *       of the publish do both.
 *   P2  What a queue gets is what its topic gets: a message for a queue is appended to the topic of
 *       the queue's name. A subscription (a queue over a topic of another name) has no topic of its
 *       own and cannot be published to.
 *
 *   P3  A message without a key that would reach a compacted topic is refused as a whole.
 *   P4  Those that wait for space on the disk are published in the order in which they came.
 *
 * Thread: the shard's.
 */
#include "engine/exchange_int.h"
#include "engine/table.h"
#include "engine/transact.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FEW = 16,
    DELAY_SECONDS_MAX = 10 * 365 * 24 * 3600,
    LOOK_MS = 500,        /* how often it is asked whether there is space again */
    PUBLISHED_MAX = 1024, /* of those that waited for it, in one turn */
};

/* An exchange that was reached and is not yet looked at. */
struct hop {
    struct exchange *x;
    bool             is_delayed; /* by one on the way */
};

/* Grows from the stack into the heap. */
struct routing {
    struct engine             *e;
    const struct publish_call *call;
    struct route_message       message;
    uint64_t                   number;
    int64_t                    header_delay_ms; /* x-delay; -1: none, or it means nothing here */
    struct hop                 at;              /* being looked at */
    bool                       is_matched;      /* it leads somewhere */
    struct append_target      *targets;
    size_t                     target_count, target_cap;
    struct hop                *todo;
    size_t                     todo_count, todo_cap;
    struct append_target       few_targets[FEW];
    struct hop                 few_todo[FEW];
};

static void add_target(struct routing *r, struct topic *t)
{
    if (r->target_count == r->target_cap) {
        bool is_few = r->targets == r->few_targets;

        r->target_cap *= 2;
        r->targets = mem_resize(is_few ? NULL : r->targets, r->target_cap * sizeof *r->targets);
        if (is_few)
            memcpy(r->targets, r->few_targets, sizeof r->few_targets);
    }
    r->targets[r->target_count++] = (struct append_target){
        .log = t->logs[topic_pick(t, r->call->key)],
        .delay_ms = r->at.is_delayed ? r->header_delay_ms : -1,
    };
}

/* What x-delay says; the type is RabbitMQ's plugin's to choose, so any integer is one. */
static int64_t read_delay(struct bytes headers)
{
    const int64_t      max_ms = (int64_t)DELAY_SECONDS_MAX * 1000;
    struct table_value v;

    if (!table_find(headers, "x-delay", &v) || !table_is_integer(&v) || v.integer <= 0)
        return -1;
    return v.integer < max_ms ? v.integer : max_ms;
}

static void add_exchange(struct routing *r, struct exchange *x)
{
    if (x->routed == r->number) /* P1 */
        return;
    x->routed = r->number;
    if (r->todo_count == r->todo_cap) {
        bool is_few = r->todo == r->few_todo;

        r->todo_cap *= 2;
        r->todo = mem_resize(is_few ? NULL : r->todo, r->todo_cap * sizeof *r->todo);
        if (is_few)
            memcpy(r->todo, r->few_todo, sizeof r->few_todo);
    }
    r->todo[r->todo_count++] = (struct hop){ x, r->at.is_delayed || x->is_delayed };
    if (x->is_delayed && r->header_delay_ms < 0)
        r->header_delay_ms = read_delay(r->call->headers);
}

static void add_queue(struct routing *r, struct queue *q)
{
    struct topic *t = queue_own_topic(q);

    if (q->routed == r->number || !t) /* P1, P2 */
        return;
    q->routed = r->number;
    add_target(r, t);
}

static void on_found(void *ctx, const struct binding *b)
{
    struct routing *r = ctx;

    r->is_matched = true;
    if (binding_what(b).to_exchange)
        add_exchange(ctx, b->target);
    else
        add_queue(ctx, b->target);
}

static bool has_topic(const struct routing *r, const struct topic *t)
{
    for (size_t i = 0; i < r->target_count; i++)
        if (r->targets[i].log->topic == t)
            return true;
    return false;
}

/* The default exchange: every queue is bound by its name, and so is every topic. */
static void route_default(struct routing *r, struct bytes key)
{
    struct queue *q = queue_find(r->e, r->call->ns, key);
    struct topic *t;

    if (q && queue_own_topic(q)) {
        add_queue(r, q);
        return;
    }
    t = topic_find(r->e, r->call->ns, key);
    if (t && !has_topic(r, t))
        add_target(r, t);
}

static void route_key(struct routing *r, struct exchange *x, struct bytes key)
{
    r->message.key = key;
    if (x->route.type >= ROUTE_RANDOM)
        r->message.random = engine_random(r->e);
    if (x->name.len == 0)
        route_default(r, key);
    else
        route_match(&x->route, &r->message, on_found, r);
}

/* What leads nowhere goes there; an alternate exchange that is not there is none. */
static void route_alternate(struct routing *r, const struct exchange *x)
{
    struct exchange   *other;
    struct table_value v;

    if (!table_find(x->arguments, "alternate-exchange", &v) || v.type != 'S')
        return;
    other = exchange_find(r->e, r->call->ns, v.bytes);
    if (other)
        add_exchange(r, other);
}

static void route_exchange(struct routing *r, struct hop hop)
{
    struct exchange *x = hop.x;
    bool             is_by_key = x->route.type == ROUTE_DIRECT || x->route.type == ROUTE_TOPIC;

    r->at = hop;
    r->is_matched = false;
    route_key(r, x, r->call->key);
    for (uint32_t i = 0; is_by_key && i < r->call->key_count; i++)
        route_key(r, x, r->call->keys[i]);
    if (!r->is_matched)
        route_alternate(r, x);
}

static void route_all(struct routing *r, struct exchange *first)
{
    add_exchange(r, first);
    while (r->todo_count > 0)
        route_exchange(r, r->todo[--r->todo_count]);
}

static void begin_routing(struct routing *r, struct engine *e, const struct publish_call *a)
{
    r->e = e;
    r->call = a;
    r->message = (struct route_message){ .headers = a->headers,
                                         .message_id = a->message_id,
                                         .correlation_id = a->correlation_id,
                                         .timestamp = a->timestamp };
    r->number = ++e->last_publish;
    r->header_delay_ms = -1;
    r->at = (struct hop){ 0 };
    r->targets = r->few_targets;
    r->target_count = 0;
    r->target_cap = FEW;
    r->todo = r->few_todo;
    r->todo_count = 0;
    r->todo_cap = FEW;
}

static void end_routing(struct routing *r)
{
    if (r->targets != r->few_targets)
        free(r->targets);
    if (r->todo != r->few_todo)
        free(r->todo);
}

/* P3 */
static enum err check_keys(const struct routing *r)
{
    if (r->call->key.len > 0) /* then the record has it, too */
        return ERR_OK;
    for (size_t i = 0; i < r->target_count; i++)
        if (r->targets[i].log->topic->policy.is_compacted)
            return batch_check_keys(r->call->batch.bytes);
    return ERR_OK;
}

static enum err check(struct engine *e, const struct publish_call *a, struct exchange *x,
                      struct batch_head *head)
{
    if (!x)
        return ERR_NO_EXCHANGE;
    if (x->is_internal)
        return ERR_ACCESS;
    if (journal_is_full(e->journal))
        return ERR_NO_SPACE;
    return batch_head_dense(a->batch.bytes, head);
}

static enum err publish(struct engine *e, struct publish_call *a, struct exchange *x,
                        const struct batch_head *head)
{
    struct routing r;
    enum err       err;

    begin_routing(&r, e, a);
    route_all(&r, x);
    err = check_keys(&r);
    if (!err) {
        a->routed = (uint32_t)r.target_count;
        if (r.target_count > 0) {
            append_batch(e, a->batch, head, r.targets, r.target_count);
            a->batch = (struct slice){ 0 };
        }
    }
    end_routing(&r);
    return err;
}

static enum err check_and_publish(struct engine *e, struct publish_call *a)
{
    struct exchange  *x = exchange_find(e, a->ns, a->exchange);
    struct batch_head head;
    enum err          err = check(e, a, x, &head);

    a->routed = 0;
    return err ? err : publish(e, a, x, &head);
}

static void perform(struct engine *e, struct call *c)
{
    enum err err = check_and_publish(e, (struct publish_call *)c);

    exchange_end_publish(e, c);
    engine_answer(e, c, err);
}

/* ---- without space ---- */

static void drop_batch(struct engine *e, struct call *c)
{
    exchange_end_publish(e, c);
}

static void park(struct engine *e, struct call *c)
{
    if (list_empty(&e->unpublished))
        timer_start(&e->timers, &e->look_for_space, e->now_ms + LOOK_MS);
    c->on_unpark = drop_batch;
    engine_park(e, c, &e->unpublished, INT64_MAX, NULL);
}

void exchange_on_look_for_space(struct timer *t, int64_t now_ms)
{
    struct engine *e = CONTAINER(t, struct engine, look_for_space);

    for (int n = 0; n < PUBLISHED_MAX && !list_empty(&e->unpublished); n++) {
        if (journal_is_full(e->journal)) {
            timer_start(&e->timers, t, now_ms + LOOK_MS);
            return;
        }
        perform(e, CONTAINER(e->unpublished.next, struct call, parked));
    }
    if (!list_empty(&e->unpublished))
        timer_start(&e->timers, t, now_ms + 1);
}

void exchange_on_publish(struct engine *e, struct call *c)
{
    bool waits = ((struct publish_call *)c)->waits_for_space;

    if (waits && (!list_empty(&e->unpublished) || journal_is_full(e->journal))) /* P4 */
        park(e, c);
    else
        perform(e, c);
}

/* ---- as part of a transaction ---- */

enum err exchange_check_publish(struct engine *e, struct call *c)
{
    const struct publish_call *a = (struct publish_call *)c;
    struct exchange           *x = exchange_find(e, a->ns, a->exchange);
    struct batch_head          head;
    struct routing             r;
    enum err                   err = check(e, a, x, &head);

    if (err || a->key.len > 0)
        return err;
    begin_routing(&r, e, a);
    route_all(&r, x);
    err = check_keys(&r);
    end_routing(&r);
    return err;
}

void exchange_perform_publish(struct engine *e, struct call *c, enum transact_phase phase)
{
    if (phase == TRANSACT_TAKE)
        c->err = check_and_publish(e, (struct publish_call *)c);
}

uint64_t exchange_publish_bytes(const struct call *c)
{
    return ((const struct publish_call *)c)->batch.bytes.len;
}

/* Nothing is left to drop when it was appended. */
void exchange_end_publish(struct engine *e, struct call *c)
{
    (void)e;
    slice_drop(&((struct publish_call *)c)->batch);
}
