/* pen.c - see pen.h. */
#include "pen.h"
#include "model_group.h"

#define SILENCE_MS_MAX (6 * 24 * 3600 * INT64_C(1000)) /* an id is forgotten after a week */

/* One call of a pen. */
struct penned {
    struct request  request;
    struct pen     *pen;
    struct m_batch *batch;
    struct m_topic *topic;
    struct m_offer *offer;
    unsigned        group;    /* of the model */
    enum err        want;     /* of an item */
    bool            is_right; /* nothing speaks against it: it must not be refused */
};

void pen_init(struct pen *p, struct client *c)
{
    *p = (struct pen){ .client = c };
}

static struct model *model_of(const struct penned *x)
{
    return x->request.client->world->model;
}

/* MT4 */
static bool is_right(const struct pen *p)
{
    const struct world *w = p->client->world;

    return w->model->txns->last_init[p->id] == p->init && !p->is_spoiled && !w->is_short &&
           (p->begun_ms == 0 || w->now_ms < p->begun_ms + p->timeout_ms) &&
           w->now_ms - p->word_ms < SILENCE_MS_MAX;
}

static void *new_call(struct pen *p, const struct request_kind *kind, enum call_kind call,
                      size_t size)
{
    struct penned *x = request_new(p->client, kind, sizeof *x, call, size);

    x->pen = p;
    p->out++;
    return x;
}

/* The engine is about to see the first of a transaction. */
static void see_begin(struct penned *x)
{
    x->is_right = is_right(x->pen);
    if (x->pen->begun_ms == 0)
        x->pen->begun_ms = x->request.client->world->now_ms;
}

static void on_good(struct penned *x)
{
    x->pen->acked++;
    x->pen->word_ms = x->request.submit_ms;
}

static void on_refused(struct penned *x, const char *what, enum err err, enum err want)
{
    x->pen->is_spoiled = true;
    if (err != want && x->is_right)
        violation(x->request.client->world, "who writes in time, and was not fenced, is not refused",
                  "%s of %s (call %llu): %s", what, txn_id_name(x->pen->id),
                  (unsigned long long)x->pen->init, err_text(err));
}

/* ---- its epoch ---- */

static void on_init(struct request *r)
{
    struct penned *x = (struct penned *)r;

    model_txn_init(model_of(x), x->pen->id, r->number);
}

/* Sequences begin with 0 in each epoch. */
static void take_epoch(struct pen *p, int64_t producer, int16_t epoch)
{
    p->producer = producer;
    p->epoch = epoch;
    p->line_count = 0;
}

static void drop_txn(struct pen *p)
{
    p->txn = NULL;
    p->begun_ms = 0;
    p->acked = 0;
    p->has_asked = false;
    p->is_spoiled = false;
    for (size_t i = 0; i < p->line_count; i++)
        p->lines[i].is_added = false;
}

static void on_inited(struct request *r)
{
    struct penned              *x = (struct penned *)r;
    const struct txn_init_call *a = (const struct txn_init_call *)r->call;
    struct pen                 *p = x->pen;

    p->out--;
    if (a->call.err)
        violation(r->client->world, "whoever comes with a transactional id gets an epoch", "%s: %s",
                  txn_id_name(p->id), err_text(a->call.err));
    TRACE(r->client->world, "%s: %s has producer %lld, epoch %d", r->client->kind->name,
          txn_id_name(p->id), (long long)a->producer_id, a->producer_epoch);
    model_txn_granted(model_of(x), p->id, r->number, a->producer_id, a->producer_epoch);
    take_epoch(p, a->producer_id, a->producer_epoch);
    drop_txn(p);
    p->init = r->number;
    p->word_ms = r->submit_ms;
}

static void on_init_lost(struct request *r)
{
    ((struct penned *)r)->pen->out--;
}

void pen_renew(struct pen *p, unsigned id, bool bumps, int32_t timeout_ms)
{
    static const struct request_kind kind = { on_init, on_inited, on_init_lost };
    struct penned        *x;
    struct txn_init_call *a;

    drop_txn(p);
    p->init = 0;
    p->id = id;
    p->bumps = bumps;
    p->timeout_ms = timeout_ms;
    x = new_call(p, &kind, CALL_TXN_INIT, sizeof(struct txn_init_call));
    a = (struct txn_init_call *)x->request.call;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->id = bytes_str(txn_id_name(id));
    a->timeout_ms = timeout_ms;
    a->producer_id = -1;
    a->producer_epoch = -1;
    request_send(x);
}

bool pen_is_ready(const struct pen *p)
{
    return p->init != 0 && !p->txn && p->out == 0;
}

void pen_forsake(struct pen *p)
{
    drop_txn(p);
    p->init = 0;
}

void pen_begin(struct pen *p)
{
    p->txn = model_new_txn(p->client->world->model, p->id, p->init, p->producer);
}

/* ---- what becomes part of it ---- */

static void on_part_lost(struct request *r)
{
    struct penned *x = (struct penned *)r;

    x->pen->out--;
    x->pen->is_spoiled = true;
    if (x->batch)
        x->batch->outcome = r->number > 0 ? UNKNOWN : NEVER;
    if (x->offer) /* its end, if that is asked for again, may be one without it */
        x->offer->outcome = UNKNOWN;
}

static void on_add(struct request *r)
{
    struct penned             *x = (struct penned *)r;
    const struct txn_add_call *a = (const struct txn_add_call *)r->call;
    struct m_topic            *t;

    see_begin(x);
    x->want = ERR_OK;
    if (a->item_count == 0)
        return;
    t = model_topic_named(model_of(x), a->items[0].name);
    if (!t || a->items[0].partition >= t->partition_count)
        x->want = ERR_NO_TOPIC;
}

static void on_added(struct request *r)
{
    struct penned *x = (struct penned *)r;

    x->pen->out--;
    if (r->call->err)
        on_refused(x, "a partition or group", r->call->err, x->want);
    else if (x->want)
        violation(r->client->world, "what is deleted is gone", "a partition became part of a "
                  "transaction");
    else
        on_good(x);
}

static struct txn_add_call *new_add(struct pen *p)
{
    static const struct request_kind kind = { on_add, on_added, on_part_lost };
    struct penned       *x = new_call(p, &kind, CALL_TXN_ADD, sizeof(struct txn_add_call));
    struct txn_add_call *a = (struct txn_add_call *)x->request.call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->id = bytes_str(txn_id_name(p->id));
    a->producer_id = p->producer;
    a->producer_epoch = p->epoch;
    request_send(x);
    return a;
}

static void add_line(struct pen *p, struct pen_line *l)
{
    struct txn_add_call *a = new_add(p);

    l->is_added = true;
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct txn_partition);
    a->items->name = call_bytes(a, bytes_str(l->topic->name));
    a->items->partition = l->partition;
}

/* ---- records ---- */

static struct pen_line *line_of(struct pen *p, struct m_topic *t, uint32_t partition)
{
    for (size_t i = 0; i < p->line_count; i++)
        if (p->lines[i].topic == t && p->lines[i].partition == partition)
            return &p->lines[i];
    if (p->line_count == PEN_LINES)
        return NULL;
    p->lines[p->line_count] = (struct pen_line){ .topic = t, .partition = partition };
    return &p->lines[p->line_count++];
}

static void on_append(struct request *r)
{
    struct penned *x = (struct penned *)r;

    see_begin(x);
    x->want = m_topic_is(x->topic) ? ERR_OK : ERR_NO_TOPIC;
    model_sent(model_of(x), x->batch, r->number);
}

static void on_appended(struct request *r)
{
    struct penned            *x = (struct penned *)r;
    const struct append_item *item = ((const struct append_call *)r->call)->items;
    struct m_log             *l = &x->topic->logs[item->partition];

    x->pen->out--;
    x->batch->outcome = item->err ? NEVER : DONE;
    if (item->err) {
        on_refused(x, "a batch", item->err, x->want);
        return;
    }
    on_good(x);
    TRACE(r->client->world, "%s: record %llu (%u of them, of %s) is in %s/%u at %llu",
          r->client->kind->name, (unsigned long long)x->batch->first_id, x->batch->count,
          txn_id_name(x->pen->id), x->topic->name, l->partition,
          (unsigned long long)item->base_offset);
    model_bind(model_of(x), x->batch, l, item->base_offset);
}

bool pen_append(struct pen *p, struct m_topic *t, uint32_t partition, struct m_batch *b)
{
    static const struct request_kind kind = { on_append, on_appended, on_part_lost };
    struct pen_line    *l = line_of(p, t, partition);
    struct penned      *x;
    struct append_call *a;

    if (!l || p->txn->batch_count == TXN_BATCHES_MAX)
        return false;
    if (!p->bumps && !l->is_added)
        add_line(p, l);
    m_batch_add_target(b, t, (int32_t)partition);
    model_give_keys(p->client->world->model, b);
    m_txn_add(p->txn, b);
    x = new_call(p, &kind, CALL_APPEND, sizeof(struct append_call));
    x->batch = b;
    x->topic = t;
    a = (struct append_call *)x->request.call;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->txn = bytes_str(txn_id_name(p->id));
    a->txn_bumps = p->bumps;
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct append_item);
    *a->items = (struct append_item){ .uuid = t->uuid,
                                      .partition = (int32_t)partition,
                                      .delay_ms = -1 };
    a->items->batch = model_encode(p->client->world->model, b, p->client->world->now_ms,
                                   p->producer, p->epoch, l->next);
    l->next += (int32_t)b->count;
    request_send(x);
    return true;
}

/* ---- offsets ---- */

static void on_offer(struct request *r)
{
    struct penned                 *x = (struct penned *)r;
    const struct txn_offsets_call *a = (const struct txn_offsets_call *)r->call;
    const struct offset_item      *item = a->commit.items;
    struct m_topic                *t = model_topic_named(model_of(x), item->name);

    see_begin(x);
    x->want = !t ? ERR_NO_TOPIC : item->partition >= t->partition_count ? ERR_NO_PARTITION : ERR_OK;
    if (x->want || x->group == PEN_NO_GROUP || !x->pen->txn)
        return;
    x->offer = m_txn_offer(x->pen->txn, model_slot(model_of(x), x->group, t, item->partition),
                           item->offset, r->number);
}

static void on_offered(struct request *r)
{
    struct penned            *x = (struct penned *)r;
    const struct offset_item *item = ((const struct txn_offsets_call *)r->call)->commit.items;
    bool                      is_refused = r->call->err || item->err;

    x->pen->out--;
    if (x->offer && is_refused)
        model_txn_refused(x->pen->txn, x->offer);
    else if (x->offer && x->offer->outcome == PENDING)
        x->offer->outcome = DONE;
    if (r->call->err)
        on_refused(x, "an offset", r->call->err, ERR_OK);
    else if (item->err != x->want)
        violation(r->client->world, "an offset of a transaction is answered as it should be",
                  "%s, not %s", err_text(item->err), err_text(x->want));
    else
        on_good(x);
}

void pen_offer(struct pen *p, const char *group, const struct offset_item *item, unsigned model_group)
{
    static const struct request_kind kind = { on_offer, on_offered, on_part_lost };
    struct penned           *x;
    struct txn_offsets_call *a;

    if (!p->bumps)
        new_add(p)->group = bytes_str(group);
    x = new_call(p, &kind, CALL_TXN_OFFSETS, sizeof(struct txn_offsets_call));
    x->group = model_group;
    a = (struct txn_offsets_call *)x->request.call;
    a->commit.ns = bytes_str(NAMESPACE_DEFAULT);
    a->commit.group = bytes_str(group);
    a->commit.generation = -1;
    a->commit.item_count = 1;
    a->commit.items = arena_struct(&a->commit.call.arena, struct offset_item);
    *a->commit.items = *item;
    a->commit.items->name = call_bytes(a, item->name);
    a->commit.items->metadata = call_bytes(a, item->metadata);
    a->id = bytes_str(txn_id_name(p->id));
    a->producer_id = p->producer;
    a->producer_epoch = p->epoch;
    a->bumps = p->bumps;
    request_send(x);
}

/* ---- its end ---- */

static void on_end(struct request *r)
{
    struct penned *x = (struct penned *)r;

    x->is_right = is_right(x->pen) && x->pen->acked > 0;
    if (((const struct txn_end_call *)r->call)->is_commit)
        model_txn_ask(model_of(x), x->pen->txn, r->number);
}

static void check_fence(const struct penned *x)
{
    const struct pen *p = x->pen;

    for (const struct m_grant *g = model_of(x)->txns->grants; g; g = g->next)
        if (g->id == p->id && !g->is_bump && g->number > p->init && g->number < x->request.number)
            violation(x->request.client->world, "who is fenced stays so",
                      "%s of call %llu could end a transaction; call %llu has it now",
                      txn_id_name(p->id), (unsigned long long)p->init,
                      (unsigned long long)g->number);
}

static void on_ended_well(struct penned *x, const struct txn_end_call *a)
{
    struct pen *p = x->pen;

    check_fence(x);
    model_txn_ended(model_of(x), p->txn, a->is_commit ? TXN_IS_COMMITTED : TXN_IS_ABORTED,
                    "its end was answered so");
    p->word_ms = x->request.submit_ms;
    if (p->bumps) {
        model_txn_bumped(model_of(x), p->id, x->request.number, a->producer_id, a->producer_epoch);
        take_epoch(p, a->producer_id, a->producer_epoch);
    }
    if (p->is_spoiled) /* its sequences are not known */
        p->init = 0;
    drop_txn(p);
}

/* It cannot have been committed, unless by an earlier try. */
static void on_end_refused(struct penned *x, const struct txn_end_call *a)
{
    struct pen *p = x->pen;

    on_refused(x, "the end", a->call.err, ERR_OK);
    if (p->txn->asked_count <= a->is_commit)
        model_txn_ended(model_of(x), p->txn, TXN_IS_ABORTED, "its end was refused");
    pen_forsake(p);
}

static void on_ended(struct request *r)
{
    struct penned             *x = (struct penned *)r;
    const struct txn_end_call *a = (const struct txn_end_call *)r->call;

    x->pen->out--;
    TRACE(r->client->world, "%s: %s of %s: %s", r->client->kind->name,
          a->is_commit ? "commit" : "abort", txn_id_name(x->pen->id), err_name(a->call.err));
    if (a->call.err)
        on_end_refused(x, a);
    else
        on_ended_well(x, a);
}

static void on_end_lost(struct request *r)
{
    ((struct penned *)r)->pen->out--;
}

void pen_end(struct pen *p, bool is_commit)
{
    static const struct request_kind kind = { on_end, on_ended, on_end_lost };
    struct penned       *x = new_call(p, &kind, CALL_TXN_END, sizeof(struct txn_end_call));
    struct txn_end_call *a = (struct txn_end_call *)x->request.call;

    p->has_asked = true;
    p->asked_commit = is_commit;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->id = bytes_str(txn_id_name(p->id));
    a->is_commit = is_commit;
    a->bumps = p->bumps;
    a->producer_id = p->producer;
    a->producer_epoch = p->epoch;
    request_send(x);
}
