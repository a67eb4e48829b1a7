/* hand.c - see clients.h: messages that a client holds, and how it ends their leases. */
#include "clients.h"

enum { ITEMS_MAX = 8, DELAY_MS_MAX = 4000 };

struct settling {
    struct request  request;
    size_t          count;
    struct m_queue *queues[ITEMS_MAX];
    enum certainty  foreseen[ITEMS_MAX];
};

void hand_init(struct hand *h, struct client *c)
{
    h->client = c;
    hand_clear(h);
}

void hand_clear(struct hand *h)
{
    h->count = 0;
    h->old_count = 0;
}

void hand_add(struct hand *h, struct m_queue *q, const struct lease *lease)
{
    if (h->count < HAND_MAX) /* what does not fit is forgotten, as some clients do */
        h->at[h->count++] = (struct hand_item){ q, *lease };
}

static void on_submit(struct request *r)
{
    struct settling    *s = (struct settling *)r;
    struct settle_call *a = (struct settle_call *)r->call;

    for (size_t i = 0; i < s->count; i++)
        s->foreseen[i] = model_settle(r->client->world->model, s->queues[i], &a->items[i],
                                      a->stale_ack_ok, r->number);
}

static void on_answer(struct request *r)
{
    struct settling    *s = (struct settling *)r;
    struct settle_call *a = (struct settle_call *)r->call;
    struct world       *w = r->client->world;

    for (size_t i = 0; i < s->count; i++) {
        enum err err = a->items[i].err;

        TRACE(w, "%s: settle %d of %s/%u offset %llu token %u: %s", r->client->kind->name,
              (int)a->items[i].action, s->queues[i]->name, a->items[i].lease.partition,
              (unsigned long long)a->items[i].lease.offset, a->items[i].lease.token,
              err_name(err));
        if (err == ERR_NO_QUEUE && !s->queues[i]->gone)
            violation(w, "a queue is there until it is deleted", "%s is not found",
                      s->queues[i]->name);
        model_settled(w->model, s->queues[i], &a->items[i], s->foreseen[i], r);
    }
}

static const struct request_kind settle_kind = { .on_submit = on_submit, .on_answer = on_answer };

static enum settle_action choose_action(struct world *w)
{
    static const enum settle_action others[] = { SETTLE_RELEASE, SETTLE_RELEASE, SETTLE_REJECT,
                                                 SETTLE_EXTEND };

    if (!w->plan.has[HAS_RELEASES] || !draw_one_in(&w->draw, 3))
        return SETTLE_ACK;
    return others[draw_below(&w->draw, COUNT(others))];
}

struct hand_item hand_take(struct hand *h, bool is_old)
{
    struct world    *w = h->client->world;
    size_t           i = (size_t)draw_below(&w->draw, is_old ? h->old_count : h->count);
    struct hand_item item = is_old ? h->old[i] : h->at[i];

    if (is_old)
        return item;
    h->at[i] = h->at[--h->count];
    h->old[h->old_count < HAND_MAX ? h->old_count++ : draw_below(&w->draw, HAND_MAX)] = item;
    return item;
}

static bool is_in(const struct settling *s, const struct settle_call *a, const struct lease *l)
{
    for (size_t i = 0; i < s->count; i++)
        if (a->items[i].lease.queue_id == l->queue_id && a->items[i].lease.offset == l->offset &&
            a->items[i].lease.partition == l->partition)
            return true;
    return false;
}

static void add_item(struct hand *h, struct settling *s)
{
    struct world       *w = h->client->world;
    struct settle_call *a = (struct settle_call *)s->request.call;
    bool                is_old = h->count == 0 || (h->old_count > 0 && w->plan.has[HAS_STALE] &&
                                                   draw_one_in(&w->draw, 6));
    struct hand_item    item = hand_take(h, is_old);
    struct settle_item *to = &a->items[s->count];

    if (is_in(s, a, &item.lease))
        return;
    to->lease = item.lease;
    to->action = choose_action(w);
    if (to->action == SETTLE_EXTEND || (w->plan.has[HAS_DELAYS] && draw_one_in(&w->draw, 3)))
        to->delay_ms = (int64_t)draw_below(&w->draw, DELAY_MS_MAX);
    if (to->action == SETTLE_EXTEND && to->delay_ms > 0 && !is_old) /* it is still ours */
        hand_add(h, item.queue, &item.lease);
    s->queues[s->count++] = item.queue;
}

void hand_settle(struct hand *h)
{
    struct world       *w = h->client->world;
    size_t              n = (size_t)draw_range(&w->draw, 1, ITEMS_MAX);
    struct settling    *s;
    struct settle_call *a;

    if (h->count == 0 && (h->old_count == 0 || !w->plan.has[HAS_STALE]))
        return;
    s = request_new(h->client, &settle_kind, sizeof *s, CALL_SETTLE, sizeof *a);
    a = (struct settle_call *)s->request.call;
    a->items = arena_array(&a->call.arena, ITEMS_MAX, sizeof *a->items);
    a->stale_ack_ok = draw_one_in(&w->draw, 3);
    a->requeue_free = draw_one_in(&w->draw, 3);
    while (n-- > 0 && (h->count > 0 || h->old_count > 0))
        add_item(h, s);
    a->item_count = s->count;
    request_send(s);
}
