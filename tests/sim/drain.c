/* drain.c - see audit.h: the liveness phase. Nothing fails any more, so everything must come to an
 * end. */
#include "audit.h"
#include "clients.h"
#include "engine/txn_calls.h"

enum { ROUNDS_MAX = 400, MESSAGES_MAX = 100, LEASE_MS = 1000000, STEP_MS = 1000 };

static void must(struct client *c, bool is_done)
{
    if (!is_done)
        violation(c->world, "without faults nothing fails", "the process died");
}

/* To the next thing that the engine waits for. */
static void pass_time(struct world *w)
{
    int64_t due_ms = engine_next_ms(w->engine);

    w->now_ms = due_ms != INT64_MAX && due_ms > w->now_ms ? due_ms : w->now_ms + STEP_MS;
}

static void end_calls(struct client *c)
{
    struct world *w = c->world;

    must(c, world_settle(w));
    for (int i = 0; i < ROUNDS_MAX && !list_empty(&w->requests); i++) {
        pass_time(w);
        must(c, world_settle(w));
    }
    if (!list_empty(&w->requests)) {
        const struct request *r = CONTAINER(w->requests.next, struct request, in_world);

        violation(w, "every waiting call ends", "call %llu of kind %d by %s",
                  (unsigned long long)r->number, (int)r->call->kind, r->client->kind->name);
    }
}

static void end_sessions(struct client *c)
{
    struct world *w = c->world;

    for (size_t i = 0; i < w->client_count; i++)
        session_close(w->clients[i]);
    must(c, world_settle(w));
}

/* ---- emptying a queue ---- */

static void ack_all(struct client *c, struct m_queue *q, const struct lease_call *leased)
{
    static const struct request_kind plain = { 0 };
    struct world       *w = c->world;
    struct request     *r = request_new(c, &plain, sizeof *r, CALL_SETTLE,
                                        sizeof(struct settle_call));
    struct settle_call *a = (struct settle_call *)r->call;

    a->item_count = leased->message_count;
    a->items = arena_array(&a->call.arena, a->item_count, sizeof *a->items);
    for (size_t i = 0; i < a->item_count; i++) {
        a->items[i].lease = leased->messages[i].lease;
        a->items[i].action = SETTLE_ACK;
        model_settle(w->model, q, &a->items[i], false, w->last_number + 1);
    }
    must(c, request_ask(r));
    for (size_t i = 0; i < a->item_count; i++)
        if (a->items[i].err)
            violation(w, "who has a lease can settle it", "queue %s offset %llu: %s", q->name,
                      (unsigned long long)a->items[i].lease.offset, err_text(a->items[i].err));
    request_free(r);
}

/* False: there was nothing ready. */
static bool take_some(struct client *c, struct m_queue *q)
{
    static const struct request_kind plain = { 0 };
    struct request    *r = request_new(c, &plain, sizeof *r, CALL_LEASE,
                                       sizeof(struct lease_call));
    struct lease_call *a = (struct lease_call *)r->call;
    struct m_terms     terms = { .client = c,
                                 .low_ms = LEASE_MS,
                                 .high_ms = LEASE_MS,
                                 .after_ms = c->world->now_ms,
                                 .after_turn = c->clean_turn };
    bool               is_some;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->queue = bytes_str(q->name);
    a->messages_max = MESSAGES_MAX;
    a->bytes_max = UINT32_MAX;
    a->lease_ms = LEASE_MS;
    must(c, request_ask(r));
    terms.taker = r->number;
    if (r->call->err)
        violation(c->world, "what was made is there", "queue %s: %s", q->name,
                  err_text(r->call->err));
    for (size_t i = 0; i < a->message_count; i++)
        model_deliver(c->world->model, q, &a->messages[i], &terms);
    is_some = a->message_count > 0;
    if (is_some)
        ack_all(c, q, a);
    request_free(r);
    return is_some;
}

static uint64_t held_count(struct client *c, const struct m_queue *q)
{
    static const struct request_kind plain = { 0 };
    struct request        *r = request_new(c, &plain, sizeof *r, CALL_QUEUE_GET,
                                           sizeof(struct queue_get_call));
    struct queue_get_call *a = (struct queue_get_call *)r->call;
    uint64_t               count;

    a->ns = bytes_str(NAMESPACE_DEFAULT);
    a->name = bytes_str(q->name);
    must(c, request_ask(r));
    if (r->call->err)
        violation(c->world, "what was made is there", "queue %s: %s", q->name,
                  err_text(r->call->err));
    count = a->views->ready_count + a->views->leased_count + a->views->delayed_count;
    request_free(r);
    return count;
}

/* One round over all queues: one of them may wait for memory that what came back to another one
 * takes. How many messages there still are. */
static uint64_t drain_round(struct client *c)
{
    struct m_queue *q;
    uint64_t        left = 0;

    for (size_t i = 0; (q = model_queue_at(c->world->model, i)) != NULL; i++) {
        if (!m_queue_is(q))
            continue;
        while (take_some(c, q))
            ;
        left += held_count(c, q);
    }
    return left;
}

static void check_drained(struct client *c)
{
    struct m_queue *q;
    struct m_count  count;

    for (size_t i = 0; (q = model_queue_at(c->world->model, i)) != NULL; i++) {
        if (!m_queue_is(q))
            continue;
        model_count(c->world->model, q, &count);
        if (count.held_low > 0)
            violation(c->world, "acknowledged is delivered", "queue %s is empty, %llu never came",
                      q->name, (unsigned long long)count.held_low);
    }
}

static void drain_queues(struct client *c)
{
    uint64_t left;

    for (int i = 0; (left = drain_round(c)) > 0; i++) {
        if (i == ROUNDS_MAX)
            violation(c->world, "every queue drains", "%llu messages are left",
                      (unsigned long long)left);
        pass_time(c->world);
    }
    check_drained(c);
}

/* Nobody asks for their ends any more. */
static void end_txns(struct client *c)
{
    struct world *w = c->world;

    if (w->plan.has[HAS_TXNS] || w->plan.has[HAS_COPIES])
        world_advance(w, TXN_TIMEOUT_MS_MAX);
    must(c, world_settle(w));
    w->is_drained = true;
}

/* The first of them; the others would fence it. */
static struct client *find_copier(const struct world *w)
{
    for (size_t i = 0; i < w->client_count; i++)
        if (w->clients[i]->kind == &copier_kind)
            return w->clients[i];
    return NULL;
}

static void end_copies(struct client *c)
{
    struct client *copier = find_copier(c->world);

    for (int i = 0; copier && !copier_is_done(copier); i++) {
        if (i == ROUNDS_MAX)
            violation(c->world, "everything is copied in the end", "it is not");
        copier->kind->step(copier);
        must(c, world_settle(c->world));
    }
}

void audit_drain(struct client *c)
{
    end_calls(c);
    end_sessions(c);
    end_txns(c);
    end_copies(c);
    must(c, audit_run(c));
    drain_queues(c);
    must(c, audit_run(c));
    audit_keep(c);
    must(c, audit_run(c));
}
