/* reader.c - see clients.h: reads logs from any offset, waits at their ends, asks for offsets. */
#include "clients.h"
#include "model_txn.h"

#include <stdlib.h>

enum { OUT_MAX = 2, WAIT_MS_MAX = 2000, READ_BYTES_MAX = 100000 };

struct reading {
    struct request  request;
    struct m_topic *asked;
    struct m_topic *topic; /* that the name meant when the engine saw it */
    uint64_t        start; /* of the log, as far as it was known then */
};

static void on_submit(struct request *r)
{
    struct reading *x = (struct reading *)r;

    x->topic = model_topic(r->client->world->model, x->asked->name);
    if (x->topic)
        x->start = x->topic->logs[((struct read_call *)r->call)->items[0].partition].start;
}

static void check_committed(struct world *w, struct m_log *l, const struct read_item *item)
{
    struct m_holes holes = { 0 };

    model_see_committed(w->model, l, item, &holes);
    if (m_topic_is_timed(l->topic))
        model_check_holes(w->model, l, &holes);
    free(holes.at);
}

/* Batches follow one another from the offset asked for. */
static void check_batches(struct world *w, struct m_log *l, const struct read_item *item)
{
    struct m_holes holes = { 0 };
    uint64_t       next = item->offset;

    for (size_t i = 0; i < item->batch_count; i++) {
        const struct batch_ref *ref = &item->batches[i];
        uint64_t                end = model_see_batch(w->model, l, ref, &holes);

        if (end <= next)
            violation(w, "reads go forward", "%s/%u: %llu to %llu came, %llu was next",
                      l->topic->name, l->partition, (unsigned long long)ref->base_offset,
                      (unsigned long long)end, (unsigned long long)next);
        holes_add(&holes, next, ref->base_offset);
        next = end;
    }
    if (next > item->high_watermark)
        violation(w, "reads end at the high watermark", "%s/%u: %llu, not %llu", l->topic->name,
                  l->partition, (unsigned long long)next,
                  (unsigned long long)item->high_watermark);
    if (m_topic_is_timed(l->topic)) /* else a queue may have taken it without saying so by now */
        model_check_holes(w->model, l, &holes);
    free(holes.at);
}

/* What a topic that keeps nothing for queues is said to have lost it never has again. */
static void check_start(const struct reading *x, struct m_log *l, const struct read_item *item)
{
    struct world *w = x->request.client->world;

    if (item->err && item->err != ERR_OUT_OF_RANGE)
        return;
    if (item->log_start < x->start)
        violation(w, "a log's start never goes back", "%s/%u starts at %llu, not %llu",
                  l->topic->name, l->partition, (unsigned long long)item->log_start,
                  (unsigned long long)x->start);
    if (m_topic_is_timed(l->topic))
        model_saw_start(w->model, l, item->log_start);
}

static void on_answer(struct request *r)
{
    struct reading         *x = (struct reading *)r;
    struct world           *w = r->client->world;
    const struct read_item *item = &((struct read_call *)r->call)->items[0];
    struct m_log           *l;

    if (r->call->err == ERR_CANCELLED || !x->topic || x->topic->gone) /* it may have gone while the call waited */
        return;
    l = &x->topic->logs[item->partition];
    check_start(x, l, item);
    if (item->err && (x->topic != x->asked || item->offset < item->log_start))
        return;
    if (item->err == ERR_CORRUPT && disk_sim_has_lied(w->disk))
        return;
    if (item->err)
        violation(w, "a read is answered as it should be", "%s/%u from %llu: %s", l->topic->name,
                  l->partition, (unsigned long long)item->offset, err_text(item->err));
    if (((const struct read_call *)r->call)->committed_only)
        check_committed(w, l, item);
    else
        check_batches(w, l, item);
}

static const struct request_kind read_kind = { .on_submit = on_submit, .on_answer = on_answer };

static void step(struct client *c)
{
    struct world     *w = c->world;
    struct m_topic   *t = model_any_topic(w->model);
    struct reading   *x;
    struct read_call *a;
    struct read_item *item;

    if (c->out >= OUT_MAX || !t)
        return;
    x = request_new(c, &read_kind, sizeof *x, CALL_READ, sizeof *a);
    a = (struct read_call *)x->request.call;
    item = arena_struct(&a->call.arena, struct read_item);
    x->asked = t;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->committed_only = w->plan.has[HAS_TXNS] && draw_one_in(&w->draw, 2);
    a->bytes_max = (uint32_t)draw_skewed(&w->draw, READ_BYTES_MAX);
    a->bytes_min = draw_one_in(&w->draw, 2) ? 1 : 0;
    a->wait_ms = draw_one_in(&w->draw, 2) ? (int64_t)draw_below(&w->draw, WAIT_MS_MAX) : 0;
    a->item_count = 1;
    a->items = item;
    item->name = call_bytes(a, bytes_str(t->name));
    item->partition = (uint32_t)draw_below(&w->draw, t->partition_count);
    item->bytes_max = a->bytes_max;
    item->offset = draw_below(&w->draw, t->logs[item->partition].end + 1);
    request_send(x);
}

const struct client_kind reader_kind = {
    .name = "reader",
    .size = sizeof(struct client),
    .step = step,
};
