/*
 * transact.c - see clients.h: CALL_TRANSACT. A transaction appends to topics and queues, publishes
 * to the default exchange, and settles what the client has in hand. Now and then one call reads all
 * logs that it went to: that shows all of it or nothing.
 */
#include "clients.h"
#include "model_group.h"
#include "model_keep.h"
#include "model_transact.h"

#include <stdio.h>
#include <stdlib.h>

enum { PARTS_MAX = TRANSACTION_BATCHES_MAX + 2, READ_BYTES = 1 << 20 };

struct transacting {
    struct request        request;
    struct hand          *hand;
    struct m_transaction *t;
    char                  names[TRANSACTION_BATCHES_MAX][NAME_BYTES]; /* what the batches go to */
    enum certainty        foreseen[PARTS_MAX];                        /* of each call in it */
    unsigned              group; /* of the offset in it */
};

/* ---- its parts ---- */

static struct model *model_of(const struct transacting *x)
{
    return x->request.client->world->model;
}

static bool has_batch(const struct call *c)
{
    return c->kind == CALL_APPEND || c->kind == CALL_PUBLISH;
}

static struct call *add_part(struct transacting *x, enum call_kind kind, size_t size)
{
    struct transact_call *a = (struct transact_call *)x->request.call;
    struct call          *c = call_new(size, kind, &x->request.client->home, NULL, NULL);

    c->session = x->request.client->session;
    a->calls[a->count++] = c;
    return c;
}

/* The batch of one more call in it, and what that is to go to. */
static struct m_batch *add_batch(struct transacting *x, const char *name, struct m_topic *t,
                                 int32_t partition, uint32_t count)
{
    struct m_transaction *d = x->t;
    struct m_batch       *b = model_new_batch(model_of(x), count);

    m_batch_add_target(b, t, partition);
    snprintf(x->names[d->batch_count], NAME_BYTES, "%s", name);
    d->batches[d->batch_count++] = b;
    return b;
}

static struct slice encode(const struct transacting *x, struct m_batch *b)
{
    return model_encode(model_of(x), b, x->request.client->world->now_ms, -1, 0, 0);
}

static void add_append(struct transacting *x, const char *name, bool to_queue,
                       struct m_batch *b)
{
    struct append_call *a = (struct append_call *)add_part(x, CALL_APPEND, sizeof *a);
    struct append_item *item = arena_struct(&a->call.arena, struct append_item);

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->to_queue = to_queue;
    a->item_count = 1;
    a->items = item;
    item->name = call_bytes(a, bytes_str(name));
    item->partition = b->targets[0].partition;
    item->key = key_text(model_key(model_of(x), b->first_id));
    item->delay_ms = -1;
    item->batch = encode(x, b);
}

static void append_to_topic(struct transacting *x)
{
    struct world   *w = x->request.client->world;
    struct m_topic *t = model_any_topic(w->model);

    if (t)
        add_append(x, t->name, false,
                   add_batch(x, t->name, t, (int32_t)draw_below(&w->draw, t->partition_count),
                             w->plan.has[HAS_BATCHES] ? (uint32_t)draw_skewed(&w->draw, 4) : 1));
}

static void append_to_queue(struct transacting *x)
{
    struct m_queue *q = model_any_queue(model_of(x));

    if (q && m_queue_has_own_topic(q))
        add_append(x, q->name, true, add_batch(x, q->name, q->topic, -1, 1));
}

static void publish(struct transacting *x)
{
    struct m_queue      *q = model_any_queue(model_of(x));
    struct publish_call *a;

    if (!q || !m_queue_has_own_topic(q))
        return;
    a = (struct publish_call *)add_part(x, CALL_PUBLISH, sizeof *a);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->exchange = bytes_str("");
    a->key = call_bytes(a, bytes_str(q->name));
    a->batch = encode(x, add_batch(x, q->name, q->topic, -1, 1));
}

static bool has_lease(const struct m_transaction *t, const struct lease *l)
{
    for (size_t i = 0; i < t->ending_count; i++)
        if (t->endings[i].lease.queue_id == l->queue_id &&
            t->endings[i].lease.partition == l->partition && t->endings[i].lease.offset == l->offset)
            return true;
    return false;
}

/* Without delays: in an ordered queue what is given back may have come back with another one. */
static enum settle_action choose_action(struct world *w)
{
    static const enum settle_action all[] = { SETTLE_ACK, SETTLE_ACK, SETTLE_DEAD_LETTER,
                                              SETTLE_REJECT, SETTLE_RELEASE };

    return all[draw_below(&w->draw, w->plan.has[HAS_RELEASES] ? COUNT(all) : 3)];
}

static void add_ending(struct transacting *x, struct settle_call *a)
{
    struct world     *w = x->request.client->world;
    struct hand      *h = x->hand;
    bool              is_old = h->old_count > 0 && w->plan.has[HAS_STALE] &&
               draw_one_in(&w->draw, 12);
    struct hand_item  item = hand_take(h, is_old);
    struct m_ending  *to = &x->t->endings[x->t->ending_count];

    if (has_lease(x->t, &item.lease))
        return;
    *to = (struct m_ending){ .queue = item.queue,
                             .lease = item.lease,
                             .action = choose_action(w),
                             .gone_ok = a->gone_ok };
    a->items[a->item_count++] = (struct settle_item){ .lease = to->lease, .action = to->action };
    x->t->ending_count++;
}

static void settle(struct transacting *x)
{
    struct world       *w = x->request.client->world;
    struct settle_call *a;
    size_t              n = (size_t)draw_range(&w->draw, 1, TRANSACTION_ENDINGS_MAX);

    if (x->hand->count == 0)
        return;
    a = (struct settle_call *)add_part(x, CALL_SETTLE, sizeof *a);
    a->items = arena_array(&a->call.arena, n, sizeof *a->items);
    a->gone_ok = draw_one_in(&w->draw, 3);
    a->requeue_free = draw_one_in(&w->draw, 3);
    while (n-- > 0 && x->hand->count > 0)
        add_ending(x, a);
}

/* From outside of the group. */
static void commit_offset(struct transacting *x)
{
    struct world               *w = x->request.client->world;
    struct offsets_commit_call *o;

    if (!w->plan.has[HAS_GROUPS] || !draw_one_in(&w->draw, 3))
        return;
    o = (struct offsets_commit_call *)add_part(x, CALL_OFFSETS_COMMIT, sizeof *o);
    x->group = (unsigned)draw_below(&w->draw, GROUPS);
    o->ns = bytes_str(NAMESPACE_DEFAULT);
    o->group = bytes_str(group_name(x->group));
    o->generation = -1;
    o->item_count = 1;
    o->items = arena_struct(&o->call.arena, struct offset_item);
    draw_offset(w, &o->call, o->items);
}

/* ---- what will come of it ---- */

/* Nobody knows that a group has no members. */
static enum certainty foresee_commit(struct transacting *x, const struct offsets_commit_call *o)
{
    struct model *m = model_of(x);
    enum err      want;

    model_group_look(m, x->group);
    if (model_sure_member(m, x->group))
        return WILL_NOT;
    x->t->slot = model_commit(m, x->group, o->items, x->request.number, &want);
    return x->t->slot ? MAY : WILL_NOT;
}

static bool takes_batch(struct model *m, struct m_batch *b, struct m_topic *t)
{
    if (t)
        b->targets[0].topic = t;
    return t && b->targets[0].partition < (int32_t)t->partition_count && !m_topic_refuses(m, t, b);
}

/* A publish that reaches nothing is done, too, and its batch is nowhere. */
static enum certainty foresee_publish(struct model *m, struct m_batch *b, const char *name)
{
    struct m_queue *q = model_queue(m, name);
    struct m_topic *t = q && m_queue_has_own_topic(q) ? q->topic : model_topic(m, name);

    if (t)
        b->targets[0].topic = t;
    else
        b->target_count = 0;
    return WILL;
}

static enum certainty foresee_append(struct model *m, struct m_batch *b, const char *name,
                                     bool to_queue)
{
    struct m_queue *q = to_queue ? model_queue(m, name) : NULL;

    if (to_queue)
        return q && m_queue_has_own_topic(q) && takes_batch(m, b, q->topic) ? WILL : WILL_NOT;
    return takes_batch(m, b, model_topic(m, name)) ? WILL : WILL_NOT;
}

/* The weakest of its items decides, unless what is gone is left out. */
static enum certainty foresee_settle(struct transacting *x, const struct settle_call *a)
{
    enum certainty all = WILL;

    for (size_t i = 0; i < a->item_count; i++) {
        struct m_ending *d = &x->t->endings[i];

        d->foreseen = model_foresee(model_of(x), d->queue, &a->items[i], false);
        if (!d->gone_ok && d->foreseen < all)
            all = d->foreseen;
    }
    return all;
}

static void foresee_all(struct transacting *x)
{
    const struct transact_call *a = (const struct transact_call *)x->request.call;
    size_t                      at = 0; /* in the batches */

    x->t->foreseen = x->request.client->world->is_short ? MAY : WILL;
    for (size_t i = 0; i < a->count; i++) {
        const struct append_call *append = (const struct append_call *)a->calls[i];
        enum certainty            c;

        if (a->calls[i]->kind == CALL_SETTLE)
            c = foresee_settle(x, (const struct settle_call *)a->calls[i]);
        else if (a->calls[i]->kind == CALL_OFFSETS_COMMIT)
            c = foresee_commit(x, (const struct offsets_commit_call *)a->calls[i]);
        else if (a->calls[i]->kind == CALL_PUBLISH)
            c = foresee_publish(model_of(x), x->t->batches[at], x->names[at]);
        else
            c = foresee_append(model_of(x), x->t->batches[at], x->names[at], append->to_queue);
        at += has_batch(a->calls[i]);
        x->foreseen[i] = c;
        x->t->foreseen = c < x->t->foreseen ? c : x->t->foreseen;
    }
}

static enum certainty least(enum certainty a, enum certainty b)
{
    return a < b ? a : b;
}

static const struct settle_call *settle_of(const struct transacting *x)
{
    const struct transact_call *a = (const struct transact_call *)x->request.call;

    for (size_t i = 0; i < a->count; i++)
        if (a->calls[i]->kind == CALL_SETTLE)
            return (const struct settle_call *)a->calls[i];
    return NULL;
}

/* What is settled first, what is given back last: T1. */
static void settle_phase(struct transacting *x, bool gives_back)
{
    const struct settle_call *a = settle_of(x);

    for (size_t i = 0; a && i < a->item_count; i++) {
        struct m_ending *d = &x->t->endings[i];

        if ((d->action == SETTLE_RELEASE) != gives_back)
            continue;
        d->foreseen = least(d->foreseen, x->t->foreseen);
        model_settle_as(model_of(x), d->queue, &a->items[i], d->foreseen, x->request.number);
    }
}

static void on_submit(struct request *r)
{
    struct transacting *x = (struct transacting *)r;

    x->t->number = r->number;
    foresee_all(x);
    for (size_t i = 0; i < x->t->batch_count; i++)
        model_sent(model_of(x), x->t->batches[i], r->number);
    settle_phase(x, false);
    settle_phase(x, true);
}

/* ---- what came of it ---- */

static void check_answer(const struct transacting *x)
{
    const struct transact_call *a = (const struct transact_call *)x->request.call;
    struct world               *w = x->request.client->world;
    enum err                    err = a->call.err;

    if (!err && x->t->foreseen == WILL_NOT)
        violation(w, "a transaction happens whole or not at all", "call %llu: it cannot have",
                  (unsigned long long)x->request.number);
    if (err && a->failed >= a->count)
        violation(w, "a transaction says what failed", "call %llu: %zu of %zu",
                  (unsigned long long)x->request.number, a->failed, a->count);
    if (err && x->foreseen[a->failed] == WILL && !(err == ERR_NO_SPACE && w->is_short))
        violation(w, "a transaction is answered as it should be", "call %llu, part %zu: %s",
                  (unsigned long long)x->request.number, a->failed, err_text(err));
}

/* Where they lie; a publish does not say. */
static void bind_appended(const struct transacting *x)
{
    const struct transact_call *a = (const struct transact_call *)x->request.call;
    size_t                      at = 0;

    for (size_t i = 0; i < a->count; i++) {
        const struct append_call *append = (const struct append_call *)a->calls[i];

        if (a->calls[i]->kind == CALL_APPEND)
            model_bind(model_of(x), x->t->batches[at],
                       &x->t->batches[at]->targets[0].topic->logs[append->items[0].partition],
                       append->items[0].base_offset);
        at += has_batch(a->calls[i]);
    }
}

static void finish_settles(struct transacting *x)
{
    const struct settle_call *a = settle_of(x);

    for (size_t i = 0; a && i < a->item_count; i++) {
        if (x->request.call->err) { /* none of them happened */
            a->items[i].err = ERR_NO_LEASE;
            a->items[i].is_gone = false;
        }
        model_settled(model_of(x), x->t->endings[i].queue, &a->items[i],
                      x->t->endings[i].foreseen, &x->request);
    }
}

static void on_answer(struct request *r)
{
    struct transacting *x = (struct transacting *)r;

    TRACE(r->client->world, "%s: transaction %llu of %zu batches, %zu settles: %s",
          r->client->kind->name, (unsigned long long)r->number, x->t->batch_count,
          x->t->ending_count, err_name(r->call->err));
    check_answer(x);
    for (size_t i = 0; i < x->t->batch_count; i++)
        x->t->batches[i]->outcome =
            r->call->err || x->t->batches[i]->target_count == 0 ? NEVER : DONE;
    if (!r->call->err)
        bind_appended(x);
    if (x->t->slot)
        model_committed(x->t->slot, r->number, r->call->err ? NEVER : DONE);
    if (x->t->slot && !r->call->err)
        model_group_touch(model_of(x), x->group, r->submit_ms);
    finish_settles(x);
}

static void on_lost(struct request *r)
{
    struct transacting *x = (struct transacting *)r;

    for (size_t i = 0; i < x->t->batch_count; i++) {
        struct m_batch *b = x->t->batches[i];

        b->outcome = r->number > 0 && b->target_count > 0 ? UNKNOWN : NEVER;
    }
    x->t->is_lost = r->number > 0;
    x->t->is_durable = r->number <= r->client->world->durable;
}

/* ---- one read of all that it went to ---- */

struct looking {
    struct request        request;
    struct m_transaction *t;
};

static bool is_whole(const struct read_item *item)
{
    uint64_t next = item->offset;

    for (size_t i = 0; i < item->batch_count; i++) {
        struct batch_head head;

        if (item->batches[i].base_offset > next || batch_check(item->batches[i].bytes.bytes, &head))
            return false;
        next = item->batches[i].base_offset + (uint64_t)head.last_offset_delta + 1;
    }
    return !item->err && next >= item->high_watermark;
}

static void on_looked(struct request *r)
{
    const struct looking   *x = (struct looking *)r;
    const struct read_call *a = (const struct read_call *)r->call;
    struct m_holes          holes = { 0 };
    size_t                  there = 0;

    for (size_t i = 0; i < a->item_count; i++)
        if (!is_whole(&a->items[i]) || x->t->batches[i]->targets[0].topic->gone)
            return;
    for (size_t i = 0; i < a->item_count; i++) {
        struct m_target *target = &x->t->batches[i]->targets[0];

        for (size_t k = 0; k < a->items[i].batch_count; k++)
            model_see_batch(r->client->world->model, &target->topic->logs[target->partition],
                            &a->items[i].batches[k], &holes);
        free(holes.at); /* nobody asks about them */
        holes = (struct m_holes){ 0 };
        there += target->base >= 0 && (uint64_t)target->base < a->items[i].high_watermark;
    }
    if (there > 0 && there < a->item_count)
        violation(r->client->world, "a transaction is seen whole or not at all",
                  "of %zu batches %zu are there", a->item_count, there);
}

/* Only of what goes to a log that is known before. */
static void look(struct client *c, struct m_transaction *t)
{
    static const struct request_kind kind = { .on_answer = on_looked };
    struct looking   *x = request_new(c, &kind, sizeof *x, CALL_READ, sizeof(struct read_call));
    struct read_call *a = (struct read_call *)x->request.call;

    x->t = t;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->bytes_max = READ_BYTES;
    a->items = arena_array(&a->call.arena, t->batch_count, sizeof *a->items);
    for (; a->item_count < t->batch_count; a->item_count++) {
        struct read_item      *item = &a->items[a->item_count];
        const struct m_target *target = &t->batches[a->item_count]->targets[0];

        if (target->partition < 0)
            break;
        item->name = call_bytes(a, bytes_str(target->topic->name));
        item->partition = (uint32_t)target->partition;
        item->offset = target->topic->logs[target->partition].end;
        item->bytes_max = READ_BYTES;
    }
    request_send(x);
}

void hand_transact(struct hand *h)
{
    static const struct request_kind kind = { on_submit, on_answer, on_lost };
    static void (*const adders[])(struct transacting *x) = { append_to_topic, append_to_topic,
                                                             append_to_queue, publish };
    struct world         *w = h->client->world;
    struct transacting   *x = request_new(h->client, &kind, sizeof *x, CALL_TRANSACT,
                                          sizeof(struct transact_call));
    struct transact_call *a = (struct transact_call *)x->request.call;
    size_t                n = (size_t)draw_range(&w->draw, 1, TRANSACTION_BATCHES_MAX);

    a->calls = arena_array(&a->call.arena, PARTS_MAX, sizeof(struct call *));
    x->hand = h;
    x->t = model_new_transaction(w->model);
    while (n-- > 0)
        adders[draw_below(&w->draw, COUNT(adders))](x);
    commit_offset(x);
    settle(x);
    request_send(x);
    if (draw_one_in(&w->draw, 3))
        look(h->client, x->t);
}
