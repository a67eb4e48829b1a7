/* sender.c - see clients.h: appends single messages to queues by name, with delays, as SQS does. */
#include "clients.h"

enum { OUT_MAX = 3, DELAY_MS_MAX = 4000 };

struct sending {
    struct request  request;
    struct m_batch *batch;
    struct m_queue *queue; /* that the name meant when the engine saw it */
    char            name[NAME_BYTES];
};

static void on_submit(struct request *r)
{
    struct sending *s = (struct sending *)r;

    s->queue = model_queue(r->client->world->model, s->name);
    if (s->queue)
        s->batch->targets[0].topic = s->queue->topic;
    model_sent(r->client->world->model, s->batch, r->number);
}

static enum err expected(const struct sending *s)
{
    if (!s->queue)
        return ERR_NO_QUEUE;
    return m_queue_has_own_topic(s->queue) ? ERR_OK : ERR_ACCESS;
}

static void on_answer(struct request *r)
{
    struct sending           *s = (struct sending *)r;
    struct world             *w = r->client->world;
    const struct append_item *item = &((struct append_call *)r->call)->items[0];

    TRACE(w, "sender: record %llu to queue %s offset %llu: %s",
          (unsigned long long)s->batch->first_id, s->name, (unsigned long long)item->base_offset,
          err_name(item->err));
    if (item->err != expected(s) && !(item->err == ERR_NO_SPACE && w->is_short))
        violation(w, "an append is answered as it should be", "record %llu to queue %s: %s",
                  (unsigned long long)s->batch->first_id, s->name, err_text(item->err));
    s->batch->outcome = item->err ? NEVER : DONE;
    if (!item->err)
        model_bind(w->model, s->batch, &s->queue->topic->logs[item->partition],
                   item->base_offset);
}

static void on_lost(struct request *r)
{
    ((struct sending *)r)->batch->outcome = r->number > 0 ? UNKNOWN : NEVER;
}

static const struct request_kind send_kind = { on_submit, on_answer, on_lost };

static void step(struct client *c)
{
    struct world       *w = c->world;
    struct m_queue     *q = model_any_queue(w->model);
    struct sending     *s;
    struct append_call *a;
    struct append_item *item;

    if (c->out >= OUT_MAX || !q)
        return;
    s = request_new(c, &send_kind, sizeof *s, CALL_APPEND, sizeof *a);
    a = (struct append_call *)s->request.call;
    item = arena_struct(&a->call.arena, struct append_item);
    memcpy(s->name, q->name, sizeof s->name);
    s->batch = model_new_batch(w->model, 1);
    m_batch_add_target(s->batch, q->topic, -1);
    if (w->plan.has[HAS_DELAYS] && draw_one_in(&w->draw, 2))
        s->batch->delay_ms = (int64_t)draw_below(&w->draw, DELAY_MS_MAX);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->to_queue = true;
    a->item_count = 1;
    a->items = item;
    item->name = call_bytes(a, bytes_str(s->name));
    item->partition = -1;
    item->key = key_text(model_key(w->model, s->batch->first_id));
    item->delay_ms = s->batch->delay_ms;
    item->append_time = draw_one_in(&w->draw, 4);
    item->batch = model_encode(w->model, s->batch, w->now_ms, -1, 0, 0);
    request_send(s);
}

const struct client_kind sender_kind = {
    .name = "sender",
    .size = sizeof(struct client),
    .step = step,
};
