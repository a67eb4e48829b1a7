/* subscriber.c - see clients.h: subscriptions, as AMQP's consumers and Pub/Sub's streams are. */
#include "clients.h"
#include "base/mem.h"

#include <stdlib.h>

enum { SUBSCRIPTIONS_MAX = 3, OUT_MAX = 4, LIMITER = 5, LEASE_MS_MAX = 8000, MESSAGES_MAX = 8 };

/* Kept until the world ends: the engine may still deliver to one that has been left. */
struct subscription {
    struct subscription *next;
    struct client       *client;
    struct m_queue      *queue;
    char                 name[NAME_BYTES];
    uint64_t             consumer;
    uint64_t             taker;
    uint64_t             messages_max; /* the highest that was ever in force */
    int64_t              lease_ms;
    int64_t              submit_ms;
    bool                 is_bound, no_ack;
    enum err             want;       /* of its beginning */
    bool                 is_counted; /* among the queue's consumers, until it has left */
    bool                 has_left;
    uint64_t             session;
    bool                 is_limited;  /* together with others of the session */
    bool                 is_live;     /* answered, and not left */
    bool                 is_over;     /* nothing may come any more */
    uint64_t             fresh[PARTITIONS_MAX];
    uint32_t             messages, bytes; /* received and not given back as credit */
};

struct subscriber {
    struct client        client;
    struct hand          hand;
    struct subscription *all;
    struct subscription *live[SUBSCRIPTIONS_MAX];
    unsigned             opening;
    uint64_t             limit; /* of the session's limiter, the highest so far; 0: it has none */
};

struct asking {
    struct request       request;
    struct subscription *subscription;
};

static struct subscriber *me_of(const struct subscription *s)
{
    return (struct subscriber *)s->client;
}

/* ---- deliveries ---- */

static struct m_terms terms_of(struct subscription *s)
{
    const struct client *c = s->client;

    return (struct m_terms){
        .client = s->client,
        .taker = s->taker,
        .is_bound = s->is_bound,
        .no_ack = s->no_ack,
        .low_ms = s->lease_ms >= 0 ? s->lease_ms : s->queue->lease_low_ms,
        .high_ms = s->lease_ms >= 0 ? s->lease_ms : s->queue->lease_high_ms,
        .after_ms = c->clean_ms > s->submit_ms ? c->clean_ms : s->submit_ms,
        .after_turn = c->clean_turn,
        .fresh = s->fresh,
    };
}

static void check_credit(const struct subscription *s)
{
    struct world *w = s->client->world;
    uint64_t      have = model_count_leases(w->model, s->queue, s->taker);

    if (s->messages_max > 0 && !s->no_ack && have > s->messages_max)
        violation(w, "no consumer has more than it wants", "of queue %s: %llu, at most %llu",
                  s->name, (unsigned long long)have, (unsigned long long)s->messages_max);
}

static void check_limit(const struct subscriber *me)
{
    struct world *w = me->client.world;
    uint64_t      have = 0;

    for (int i = 0; i < SUBSCRIPTIONS_MAX; i++) {
        const struct subscription *s = me->live[i];

        if (s && s->is_limited && !s->no_ack)
            have += model_count_leases(w->model, s->queue, s->taker);
    }
    if (me->limit > 0 && have > me->limit)
        violation(w, "no session has more than its limiter allows", "%llu, at most %llu",
                  (unsigned long long)have, (unsigned long long)me->limit);
}

static void take(struct subscription *s, struct delivery *d)
{
    struct m_terms terms = terms_of(s);

    for (size_t i = 0; i < d->message_count; i++) {
        model_deliver(s->client->world->model, s->queue, &d->messages[i], &terms);
        s->messages++;
        s->bytes += d->messages[i].bytes;
        if (!s->no_ack)
            hand_add(&me_of(s)->hand, s->queue, &d->messages[i].lease);
    }
    check_credit(s);
    check_limit(me_of(s));
}

static void leave(struct subscription *s)
{
    for (int i = 0; i < SUBSCRIPTIONS_MAX; i++)
        if (me_of(s)->live[i] == s)
            me_of(s)->live[i] = NULL;
    s->is_live = false;
}

static void deliver(struct delivery *d)
{
    struct subscription *s = d->ctx;
    struct world        *w = s->client->world;

    if (w->is_dying) {
        delivery_free(d);
        return;
    }
    if (s->is_over || !s->is_live)
        violation(w, "nothing comes before a subscription or after it", "of queue %s", s->name);
    if (d->kind == DELIVERY_MESSAGES) {
        take(s, d);
    } else {
        if (!s->queue->gone)
            violation(w, "a queue is there until it is deleted", "the consumer of %s was ended",
                      s->name);
        leave(s);
        s->is_over = true;
    }
    delivery_free(d);
}

/* ---- beginning and end ---- */

static enum err want_of(const struct subscription *s, bool is_exclusive)
{
    if (!s->queue)
        return ERR_NO_QUEUE;
    if (m_queue_is_locked(s->queue, s->session))
        return ERR_LOCKED;
    return m_queue_takes_consumer(s->queue, is_exclusive) ? ERR_OK : ERR_IN_USE;
}

static void on_subscribe(struct request *r)
{
    struct subscription *s = ((struct asking *)r)->subscription;
    bool                 is_exclusive = ((const struct subscribe_call *)r->call)->is_exclusive;

    s->queue = model_queue(r->client->world->model, s->name);
    s->submit_ms = r->submit_ms;
    s->session = r->call->session;
    s->want = want_of(s, is_exclusive);
    s->is_counted = s->want == ERR_OK;
    if (s->is_counted)
        model_subscribe(s->queue, s->client, is_exclusive);
}

static void on_subscribed(struct request *r)
{
    struct subscription *s = ((struct asking *)r)->subscription;
    struct subscriber   *me = me_of(s);

    me->opening--;
    if (r->call->err != s->want)
        violation(r->client->world, "a subscription is answered as it should be",
                  "of queue %s: %s, not %s", s->name, err_text(r->call->err), err_text(s->want));
    s->is_over = s->want != ERR_OK;
    if (s->is_over)
        return;
    s->consumer = ((struct subscribe_call *)r->call)->consumer;
    s->is_live = true;
    for (int i = 0; i < SUBSCRIPTIONS_MAX; i++)
        if (!me->live[i]) {
            me->live[i] = s;
            break;
        }
}

static void on_subscribe_lost(struct request *r)
{
    struct subscription *s = ((struct asking *)r)->subscription;

    me_of(s)->opening--;
    if (r->number > 0 && s->queue && s->no_ack)
        model_doubt(r->client->world->model, s->queue);
}

static void fill(struct subscriber *me, struct subscription *s, struct subscribe_call *a)
{
    struct world *w = me->client.world;

    s->is_bound = draw_one_in(&w->draw, 2);
    s->no_ack = w->plan.has[HAS_NO_ACK] && draw_one_in(&w->draw, 4);
    s->messages_max = draw_one_in(&w->draw, 4) ? 0 : draw_skewed(&w->draw, MESSAGES_MAX);
    s->lease_ms = draw_one_in(&w->draw, 2) ? -1 : (int64_t)draw_range(&w->draw, 1, LEASE_MS_MAX);
    s->taker = (1ull << 62) + ++w->last_taker;
    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->queue = call_bytes(a, bytes_str(s->name));
    s->is_limited = me->limit > 0 && draw_one_in(&w->draw, 2);
    a->limiter = s->is_limited ? LIMITER : 0;
    a->messages_max = s->messages_max;
    a->bytes_max = draw_one_in(&w->draw, 4) ? 2000 : 0;
    a->no_ack = s->no_ack;
    a->is_bound = s->is_bound;
    a->lease_ms = s->lease_ms;
    a->priority = (int32_t)draw_below(&w->draw, 3);
    a->is_exclusive = draw_one_in(&w->draw, 10);
    a->deliver = deliver;
    a->ctx = s;
}

static void subscribe(struct subscriber *me)
{
    static const struct request_kind kind = { on_subscribe, on_subscribed, on_subscribe_lost };
    struct m_queue                  *q = model_any_queue(me->client.world->model);
    struct subscription             *s;
    struct asking                   *x;

    if (!q)
        return;
    s = mem_new(sizeof *s);
    s->client = &me->client;
    memcpy(s->name, q->name, sizeof s->name);
    s->next = me->all;
    me->all = s;
    me->opening++;
    x = request_new(&me->client, &kind, sizeof *x, CALL_SUBSCRIBE, sizeof(struct subscribe_call));
    x->subscription = s;
    fill(me, s, (struct subscribe_call *)x->request.call);
    request_send(x);
}

static void on_unsubscribe(struct request *r)
{
    struct subscription *s = ((struct asking *)r)->subscription;

    if (s->is_counted && !s->has_left && s->session == r->call->session)
        model_unsubscribe(r->client->world->model, s->queue, s->client, r->number);
    s->has_left = true;
}

static void on_unsubscribed(struct request *r)
{
    struct subscription *s = ((struct asking *)r)->subscription;

    if (s->is_live)
        leave(s);
    s->is_over = true;
}

static void unsubscribe(struct subscription *s)
{
    static const struct request_kind kind = { .on_submit = on_unsubscribe,
                                              .on_answer = on_unsubscribed };
    struct asking                   *x = request_new(s->client, &kind, sizeof *x, CALL_UNSUBSCRIBE,
                                                     sizeof(struct unsubscribe_call));

    x->subscription = s;
    ((struct unsubscribe_call *)x->request.call)->consumer = s->consumer;
    request_send(x);
}

/* Gives back what came, and now and then changes the limit. */
static void credit(struct subscription *s)
{
    static const struct request_kind kind = { 0 };
    struct world                    *w = s->client->world;
    struct request     *r = request_new(s->client, &kind, sizeof *r, CALL_CREDIT,
                                        sizeof(struct credit_call));
    struct credit_call *a = (struct credit_call *)r->call;

    r->call->relaxed = true;
    a->consumer = s->consumer;
    a->messages = s->messages;
    a->bytes = s->bytes;
    s->messages = s->bytes = 0;
    if (draw_one_in(&w->draw, 3)) {
        a->set_limits = true;
        a->messages_max = draw_skewed(&w->draw, MESSAGES_MAX);
        if (s->messages_max > 0 && a->messages_max > s->messages_max)
            s->messages_max = a->messages_max;
    }
    request_send(r);
}

/* Raised or lowered; what is in hand already stays. */
static void on_limit(struct request *r)
{
    struct subscriber *me = (struct subscriber *)r->client;
    uint64_t           max = ((const struct limiter_set_call *)r->call)->messages_max;

    if (max > me->limit)
        me->limit = max;
}

static void limit(struct subscriber *me)
{
    static const struct request_kind kind = { .on_submit = on_limit };
    struct request          *r = request_new(&me->client, &kind, sizeof *r, CALL_LIMITER_SET,
                                             sizeof(struct limiter_set_call));
    struct limiter_set_call *a = (struct limiter_set_call *)r->call;

    a->limiter = LIMITER;
    a->messages_max = draw_skewed(&me->client.world->draw, MESSAGES_MAX);
    request_send(r);
}

/* The session has ended, in good order or with the process. */
static void on_session_end(struct client *c)
{
    struct subscriber *me = (struct subscriber *)c;

    for (struct subscription *s = me->all; s; s = s->next) {
        if (s->no_ack && s->is_live && !c->is_closing)
            model_doubt(c->world->model, s->queue);
        s->is_live = false;
        s->is_over = true;
    }
    memset(me->live, 0, sizeof me->live);
    me->limit = 0;
}

static void step(struct client *c)
{
    struct subscriber   *me = (struct subscriber *)c;
    struct world        *w = c->world;
    struct subscription *s = me->live[draw_below(&w->draw, SUBSCRIPTIONS_MAX)];

    if (c->out >= OUT_MAX || c->is_closing)
        return;
    if (me->opening == 0 && draw_one_in(&w->draw, 50))
        session_close(c);
    else if (draw_one_in(&w->draw, 20))
        limit(me);
    else if (w->plan.has[HAS_PRIVATE] && !w->is_short && draw_one_in(&w->draw, 12))
        private_declare(c);
    else if (!s && me->opening == 0)
        subscribe(me);
    else if (w->plan.has[HAS_TRANSACTIONS] && draw_one_in(&w->draw, 6))
        hand_transact(&me->hand);
    else if (me->hand.count > 0 && !draw_one_in(&w->draw, 4))
        hand_settle(&me->hand);
    else if (s && draw_one_in(&w->draw, 12))
        unsubscribe(s);
    else if (s && s->messages > 0)
        credit(s);
}

static void begin(struct client *c)
{
    hand_init(&((struct subscriber *)c)->hand, c);
}

static void end(struct client *c)
{
    struct subscriber *me = (struct subscriber *)c;

    while (me->all) {
        struct subscription *s = me->all;

        me->all = s->next;
        free(s);
    }
}

const struct client_kind subscriber_kind = {
    .name = "subscriber",
    .size = sizeof(struct subscriber),
    .begin = begin,
    .step = step,
    .on_session_end = on_session_end,
    .end = end,
};
