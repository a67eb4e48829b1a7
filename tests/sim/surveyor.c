/*
 * surveyor.c - see clients.h: asks what can be asked about logs, producers and transactions as a whole:
 * sizes, offsets by time, who writes where, which transactional ids there are.
 */
#include "clients.h"
#include "model_txn.h"

enum { OUT_MAX = 2, FUTURE_MS = 1000 };

struct surveying {
    struct request  request;
    uint64_t        durable; /* when the engine saw it: world.h W3 */
    struct m_topic *topic;   /* that the name meant then */
    char            name[NAME_BYTES];
};

static struct model *model_of(const struct surveying *x)
{
    return x->request.client->world->model;
}

static void on_submit(struct request *r)
{
    struct surveying *x = (struct surveying *)r;

    x->durable = r->client->world->durable;
    x->topic = model_topic(model_of(x), x->name);
}

static void *survey(struct client *c, const struct request_kind *kind, enum call_kind call, size_t size,
                    const struct m_topic *t)
{
    struct surveying *x = request_new(c, kind, sizeof *x, call, size);

    if (t)
        memcpy(x->name, t->name, sizeof x->name);
    return x;
}

/* It was in its log, and known to be on disk, when the call came. */
static bool was_there(const struct surveying *x, const struct m_batch *b)
{
    return b->outcome == DONE && b->last_sent <= x->durable;
}

/* ---- offsets by time ---- */

static const struct m_batch *batch_at(const struct surveying *x, const struct m_log *l, uint64_t offset)
{
    return model_batch_of(model_of(x), m_log_id(l, offset));
}

/* Nothing below the end that must be there is as late as that. */
static void check_none_before(const struct surveying *x, const struct m_log *l, uint64_t end,
                              int64_t timestamp_ms)
{
    for (uint64_t offset = l->start; offset < end && m_topic_is_timed(l->topic); offset++) {
        const struct m_batch *b = batch_at(x, l, offset);

        if (b && was_there(x, b) && b->made_ms >= timestamp_ms &&
            !m_log_may_lose(model_of(x), l, offset))
            violation(x->request.client->world, "the first offset of a time is the first",
                      "%s/%u from %lld on: not %llu, which was made at %lld", l->topic->name,
                      l->partition, (long long)timestamp_ms, (unsigned long long)offset,
                      (long long)b->made_ms);
    }
}

/* The time lies between when its record was made and when it was sent last. */
static void check_found(const struct surveying *x, const struct m_log *l,
                        const struct list_offsets_item *item)
{
    const struct m_batch *b = batch_at(x, l, (uint64_t)item->offset);

    if (item->found_ms < item->timestamp_ms ||
        (b && (item->found_ms < b->made_ms || item->found_ms > b->last_ms)))
        violation(x->request.client->world, "an offset of a time has it", "%s/%u offset %lld: %lld, not %lld",
                  l->topic->name, l->partition, (long long)item->offset, (long long)item->found_ms,
                  (long long)item->timestamp_ms);
}

static void on_offsets(struct request *r)
{
    const struct surveying         *x = (const struct surveying *)r;
    const struct list_offsets_call *a = (const struct list_offsets_call *)r->call;
    const struct list_offsets_item *item = a->items;
    const struct m_log             *l;

    if (!x->topic || x->topic->gone)
        return;
    if (item->err == ERR_CORRUPT && disk_sim_has_lied(r->client->world->disk))
        return;
    l = &x->topic->logs[item->partition];
    if (item->err)
        violation(r->client->world, "offsets can be asked for by time", "%s/%u: %s", l->topic->name,
                  l->partition, err_text(item->err));
    if (item->offset >= 0 && item->timestamp_ms >= 0)
        check_found(x, l, item);
    if (item->timestamp_ms >= 0 && (item->offset >= 0 || !a->committed_only))
        check_none_before(x, l, item->offset >= 0 ? (uint64_t)item->offset : l->end, item->timestamp_ms);
}

static void ask_time(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_submit, .on_answer = on_offsets };
    struct world             *w = c->world;
    struct m_topic           *t = model_any_topic(w->model);
    struct surveying         *x;
    struct list_offsets_call *a;

    if (!t)
        return;
    x = survey(c, &kind, CALL_LIST_OFFSETS, sizeof *a, t);
    a = (struct list_offsets_call *)x->request.call;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->committed_only = draw_one_in(&w->draw, 3);
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct list_offsets_item);
    a->items->name = call_bytes(a, bytes_str(t->name));
    a->items->partition = (uint32_t)draw_below(&w->draw, t->partition_count);
    a->items->timestamp_ms = draw_one_in(&w->draw, 8)
                                 ? OFFSET_MAX_TIMESTAMP
                                 : w->now_ms + FUTURE_MS - (int64_t)draw_skewed(&w->draw, 20000);
    request_send(x);
}

/* ---- sizes ---- */

static uint64_t bytes_to(const struct m_batch *b, const struct m_log *l)
{
    for (uint32_t i = 0; i < b->target_count; i++)
        if (b->targets[i].topic == l->topic &&
            (b->targets[i].partition < 0 || (uint32_t)b->targets[i].partition == l->partition))
            return b->bytes;
    return 0;
}

/* Not more than was sent to it, unless a pass has rewritten tombstones, and not less if it loses nothing. */
static void check_size(const struct surveying *x, const struct m_log *l, uint64_t bytes)
{
    struct model *m = model_of(x);
    uint64_t      least = 0;
    uint64_t      most = m_log_marker_bytes(m, l);

    for (uint64_t id = 1; id <= m->last_id; id += m->batches[id]->count) {
        const struct m_batch *b = m->batches[id];

        if (b->outcome == NEVER)
            continue;
        most += bytes_to(b, l);
        if (was_there(x, b) && b->targets[0].topic == l->topic && b->targets[0].base >= 0 &&
            (uint32_t)b->targets[0].partition == l->partition)
            least += b->bytes;
    }
    if ((bytes > most && !l->topic->loss.is_compacted) ||
        (bytes < least && m_topic_is_timed(l->topic) && !m_topic_loses(l->topic)))
        violation(x->request.client->world, "a log is as large as what is in it",
                  "%s/%u: %llu bytes; at least %llu, at most %llu", l->topic->name, l->partition,
                  (unsigned long long)bytes, (unsigned long long)least, (unsigned long long)most);
}

static void on_sizes(struct request *r)
{
    const struct surveying        *x = (const struct surveying *)r;
    const struct topic_sizes_call *a = (const struct topic_sizes_call *)r->call;

    for (size_t i = 0; i < a->item_count; i++) {
        const struct topic_view *v = &a->items[i].view;

        if (x->topic && !x->topic->gone && bytes_eq_str(v->name, x->topic->name))
            for (uint32_t p = 0; p < v->partition_count; p++)
                check_size(x, &x->topic->logs[p], a->items[i].bytes[p]);
    }
}

static void ask_sizes(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_submit, .on_answer = on_sizes };
    struct m_topic   *t = model_any_topic(c->world->model);
    struct surveying *x = survey(c, &kind, CALL_TOPIC_SIZES, sizeof(struct topic_sizes_call), t);

    ((struct topic_sizes_call *)x->request.call)->ns = bytes_str(NAMESPACE_DEFAULT);
    request_send(x);
}

/* ---- producers ---- */

/* It is of that producer, begins there, and was open when the engine saw the call. */
static bool was_open(const struct surveying *x, const struct m_batch *b,
                     const struct producer_view *v)
{
    return b->txn && b->txn->producer == v->producer_id && b->targets[0].base == v->txn_first &&
           (b->txn->end == TXN_OPEN || b->txn->ended >= x->request.number);
}

static void check_producer(const struct surveying *x, const struct m_log *l,
                           const struct producer_view *v)
{
    const struct m_batch *b = v->txn_first < 0 ? NULL : batch_at(x, l, (uint64_t)v->txn_first);

    if (b && !was_open(x, b, v))
        violation(x->request.client->world, "who has a transaction open has one",
                  "%s/%u: producer %lld, from %lld on: record %llu", l->topic->name, l->partition,
                  (long long)v->producer_id, (long long)v->txn_first, (unsigned long long)b->first_id);
}

static void on_producers(struct request *r)
{
    const struct surveying      *x = (const struct surveying *)r;
    const struct producers_item *item = ((const struct producers_get_call *)r->call)->items;

    if (!x->topic || x->topic->gone)
        return;
    if (item->err)
        violation(r->client->world, "producers of a log can be asked for", "%s/%u: %s", x->name,
                  item->partition, err_text(item->err));
    for (size_t i = 0; i < item->count; i++)
        check_producer(x, &x->topic->logs[item->partition], &item->producers[i]);
}

static void ask_producers(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_submit, .on_answer = on_producers };
    struct m_topic            *t = model_any_topic(c->world->model);
    struct surveying          *x;
    struct producers_get_call *a;

    if (!t)
        return;
    x = survey(c, &kind, CALL_PRODUCERS_GET, sizeof *a, t);
    a = (struct producers_get_call *)x->request.call;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->item_count = 1;
    a->items = arena_struct(&a->call.arena, struct producers_item);
    a->items->name = call_bytes(a, bytes_str(t->name));
    a->items->partition = (uint32_t)draw_below(&c->world->draw, t->partition_count);
    request_send(x);
}

/* ---- transactional ids ---- */

static int id_of(struct bytes name)
{
    for (unsigned id = 0; id < TXN_IDS; id++)
        if (bytes_eq_str(name, txn_id_name(id)))
            return (int)id;
    return -1;
}

/* No epoch that was given out before is above it. */
static void check_id(const struct surveying *x, const struct txn_view *v)
{
    int id = id_of(v->id);

    for (const struct m_grant *g = model_of(x)->txns->grants; g; g = g->next)
        if (g->number < x->request.number &&
            g->producer == v->producer_id && ((int)g->id != id || g->epoch > v->producer_epoch))
            violation(x->request.client->world, "an epoch is given once, and they go up",
                      "%.*s has producer %lld, epoch %d; call %llu was given %d", (int)v->id.len,
                      (const char *)v->id.at, (long long)v->producer_id, v->producer_epoch,
                      (unsigned long long)g->number, g->epoch);
    if (id < 0)
        violation(x->request.client->world, "nothing is there that was never made",
                  "transactional id %.*s", (int)v->id.len, (const char *)v->id.at);
}

static void on_ids(struct request *r)
{
    const struct surveying     *x = (const struct surveying *)r;
    const struct txn_list_call *a = (const struct txn_list_call *)r->call;

    for (size_t i = 0; i < a->view_count; i++) {
        check_id(x, &a->views[i]);
        if (a->states != 0 && !(a->states & 1u << a->views[i].state))
            violation(r->client->world, "a filter lets through what was asked for", "%.*s",
                      (int)a->views[i].id.len, (const char *)a->views[i].id.at);
    }
}

static void ask_ids(struct client *c)
{
    static const struct request_kind kind = { .on_submit = on_submit, .on_answer = on_ids };
    struct surveying     *x = survey(c, &kind, CALL_TXN_LIST, sizeof(struct txn_list_call), NULL);
    struct txn_list_call *a = (struct txn_list_call *)x->request.call;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->running_ms = -1;
    a->states = (unsigned)draw_below(&c->world->draw, 1u << TXN_STATE_COUNT);
    request_send(x);
}

static void step(struct client *c)
{
    static void (*const all[])(struct client *c) = { ask_time, ask_time, ask_sizes, ask_producers,
                                                     ask_ids };

    if (c->out < OUT_MAX)
        all[draw_below(&c->world->draw, COUNT(all))](c);
}

const struct client_kind surveyor_kind = {
    .name = "surveyor",
    .size = sizeof(struct client),
    .step = step,
};
