/* worker.c - see clients.h: leases messages by call, as SQS does, and settles them. */
#include "clients.h"

enum { OUT_MAX = 4, LEASE_MS_MAX = 6000, WAIT_MS_MAX = 3000, MESSAGES_MAX = 12 };

struct worker {
    struct client client;
    struct hand   hand;
};

struct leasing {
    struct request  request;
    struct m_queue *queue; /* that the name meant when the engine saw it */
    char            name[NAME_BYTES];
};

static void on_submit(struct request *r)
{
    struct leasing *l = (struct leasing *)r;

    l->queue = model_queue(r->client->world->model, l->name);
}

static struct m_terms terms_of(const struct leasing *l)
{
    const struct request    *r = &l->request;
    const struct lease_call *a = (const struct lease_call *)r->call;
    const struct client     *c = r->client;

    return (struct m_terms){
        .client = r->client,
        .taker = r->number,
        .is_bound = a->is_bound,
        .no_ack = a->no_ack,
        .low_ms = a->lease_ms >= 0 ? a->lease_ms : l->queue->lease_low_ms,
        .high_ms = a->lease_ms >= 0 ? a->lease_ms : l->queue->lease_high_ms,
        .after_ms = c->clean_ms > r->submit_ms ? c->clean_ms : r->submit_ms,
        .after_turn = c->clean_turn,
        .fresh = l->queue->fresh[c->index],
    };
}

static void check_empty(const struct leasing *l)
{
    const struct request *r = &l->request;
    enum err              err = r->call->err;
    bool                  is_gone = !l->queue || l->queue->gone;

    if (err == ERR_CANCELLED || (err == ERR_NO_QUEUE && is_gone) ||
        (err == ERR_LOCKED && l->queue && m_queue_is_locked(l->queue, r->call->session)))
        return;
    violation(r->client->world, "a lease call is answered as it should be", "of queue %s: %s",
              l->name, err_text(err));
}

static void on_answer(struct request *r)
{
    struct leasing    *l = (struct leasing *)r;
    struct worker     *me = (struct worker *)r->client;
    struct world      *w = r->client->world;
    struct lease_call *a = (struct lease_call *)r->call;
    struct m_terms     terms;

    if (r->call->err || !l->queue) {
        check_empty(l);
        return;
    }
    if (m_queue_is_locked(l->queue, r->call->session))
        violation(w, "an exclusive queue is for its owner", "%s was leased from", l->name);
    if (a->message_count > a->messages_max)
        violation(w, "no more than asked for", "%zu messages, not %u", a->message_count,
                  a->messages_max);
    terms = terms_of(l);
    for (size_t i = 0; i < a->message_count; i++) {
        model_deliver(w->model, l->queue, &a->messages[i], &terms);
        if (!a->no_ack)
            hand_add(&me->hand, l->queue, &a->messages[i].lease);
    }
}

static void on_lost(struct request *r)
{
    struct leasing    *l = (struct leasing *)r;
    struct lease_call *a = (struct lease_call *)r->call;

    if (r->number > 0 && l->queue && a->no_ack)
        model_doubt(r->client->world->model, l->queue);
}

static const struct request_kind lease_kind = { on_submit, on_answer, on_lost };

static void lease(struct worker *me)
{
    struct world      *w = me->client.world;
    struct m_queue    *q = model_any_queue(w->model);
    struct leasing    *l;
    struct lease_call *a;

    if (!q)
        return;
    l = request_new(&me->client, &lease_kind, sizeof *l, CALL_LEASE, sizeof *a);
    a = (struct lease_call *)l->request.call;
    memcpy(l->name, q->name, sizeof l->name);
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->queue = call_bytes(a, bytes_str(l->name));
    a->messages_max = (uint32_t)draw_skewed(&w->draw, MESSAGES_MAX);
    a->bytes_max = draw_one_in(&w->draw, 4) ? 1000 : UINT32_MAX;
    a->wait_ms = draw_one_in(&w->draw, 3) ? (int64_t)draw_below(&w->draw, WAIT_MS_MAX) : 0;
    a->lease_ms = draw_one_in(&w->draw, 3) ? -1 : (int64_t)draw_below(&w->draw, LEASE_MS_MAX);
    a->is_bound = draw_one_in(&w->draw, 4);
    a->no_ack = w->plan.has[HAS_NO_ACK] && draw_one_in(&w->draw, 8);
    a->call.tag = 7;
    request_send(l);
}

static void cancel(struct worker *me)
{
    static const struct request_kind plain = { 0 };
    struct request *r = request_new(&me->client, &plain, sizeof *r, CALL_CANCEL,
                                    sizeof(struct call));

    r->call->tag = 7;
    request_send(r);
}

static void step(struct client *c)
{
    struct worker *me = (struct worker *)c;

    if (c->out >= OUT_MAX || c->is_closing)
        return;
    if (draw_one_in(&c->world->draw, 60))
        session_close(c);
    else if (draw_one_in(&c->world->draw, 40))
        cancel(me);
    else if (c->world->plan.has[HAS_PRIVATE] && !c->world->is_short && draw_one_in(&c->world->draw, 10))
        private_declare(c);
    else if (c->world->plan.has[HAS_TRANSACTIONS] && draw_one_in(&c->world->draw, 6))
        hand_transact(&me->hand);
    else if (me->hand.count > 0 && !draw_one_in(&c->world->draw, 3))
        hand_settle(&me->hand);
    else
        lease(me);
}

static void begin(struct client *c)
{
    hand_init(&((struct worker *)c)->hand, c);
}

/* Leases by time outlive the process: the hand is kept. */
const struct client_kind worker_kind = {
    .name = "worker",
    .size = sizeof(struct worker),
    .begin = begin,
    .step = step,
};
