/* settle.c - see settle.h. */
#include "doors/pubsub/settle.h"

#include "doors/pubsub/ackid.h"
#include "doors/pubsub/door_int.h"

enum { ACK_DEADLINE_SECONDS_MAX = 600 };

/* ---- making calls ---- */

static struct settle_call *settle_new(struct rpc *r, size_t count, call_done_fn *done)
{
    struct settle_call *c = rpc_call_new(r, sizeof *c, CALL_SETTLE, done);

    c->items = arena_array(&c->call.arena, count, sizeof *c->items);
    c->stale_ack_ok = true; /* an expired id still acknowledges a message that nobody else has got yet */
    return c;
}

/* False: not an id of this subscription; r was failed. */
static bool add_item(struct rpc *r, struct settle_call *c, const char *ack_id, enum settle_action action,
                     int64_t delay_ms)
{
    struct settle_item *item = &c->items[c->item_count];
    uint32_t            subscription;

    if (!ackid_parse(bytes_str(ack_id), &item->lease, &subscription) ||
        subscription != ackid_subscription(r->name.ns, r->name.id)) {
        rpc_fail(r, GRPC_INVALID_ARGUMENT,
                 "You have passed an invalid ack ID to the service (ack_id=%.200s).", ack_id);
        return false;
    }
    item->action = action;
    item->delay_ms = delay_ms;
    c->item_count++;
    return true;
}

static bool is_deadline(struct rpc *r, int32_t seconds)
{
    if (seconds >= 0 && seconds <= ACK_DEADLINE_SECONDS_MAX)
        return true;
    rpc_fail(r, GRPC_INVALID_ARGUMENT,
             "Invalid ack deadline given (ack_deadline=%d). The ack deadline must be between 0 and %d seconds.",
             (int)seconds, ACK_DEADLINE_SECONDS_MAX);
    return false;
}

/* ---- unary ---- */

/* Every id names a queue that is gone. Was it made again under its name, or is the subscription missing? */
static void look_up(struct rpc *r)
{
    struct queue_get_call *c = rpc_call_new(r, sizeof *c, CALL_QUEUE_GET, rpc_on_done);

    c->ns = r->name.ns;
    c->name = r->name.id;
    rpc_submit(r, c);
}

static bool is_queue_gone(const struct settle_call *c)
{
    size_t i;

    for (i = 0; i < c->item_count; i++)
        if (c->items[i].err != ERR_NO_QUEUE)
            return false;
    return true;
}

static void on_settled(struct call *call)
{
    struct settle_call *c = (struct settle_call *)call;
    struct rpc         *r = call->ctx;

    if (call->err != ERR_OK)
        rpc_fail_err(r, call->err);
    else if (is_queue_gone(c))
        look_up(r);
    else
        rpc_reply_empty(r);
    rpc_call_free(r, call);
}

static void settle_all(struct rpc *r, char **ack_ids, size_t count, enum settle_action action, int64_t delay_ms)
{
    struct settle_call *c;
    size_t              i;

    if (count == 0) {
        rpc_fail(r, GRPC_INVALID_ARGUMENT, "You have not specified an ack ID in the request.");
        return;
    }
    c = settle_new(r, count, on_settled);
    for (i = 0; i < count; i++) {
        if (!add_item(r, c, ack_ids[i], action, delay_ms)) {
            call_free(c);
            return;
        }
    }
    rpc_submit(r, c);
}

void ps_settle_on_acknowledge(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(AcknowledgeRequest) *m = (const PB(AcknowledgeRequest) *)request;

    if (rpc_take_name(r, m->subscription, PS_SUBSCRIPTIONS))
        settle_all(r, m->ack_ids, m->n_ack_ids, SETTLE_ACK, 0);
}

void ps_settle_on_modify_ack_deadline(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(ModifyAckDeadlineRequest) *m = (const PB(ModifyAckDeadlineRequest) *)request;

    if (rpc_take_name(r, m->subscription, PS_SUBSCRIPTIONS) && is_deadline(r, m->ack_deadline_seconds))
        settle_all(r, m->ack_ids, m->n_ack_ids, SETTLE_EXTEND, (int64_t)m->ack_deadline_seconds * 1000);
}

/* ---- without an answer ---- */

static void on_settled_quietly(struct call *c)
{
    rpc_call_free(c->ctx, c);
}

bool ps_settle_streamed(struct rpc *r, const PB(StreamingPullRequest) *m)
{
    size_t              count = m->n_ack_ids + m->n_modify_deadline_ack_ids;
    struct settle_call *c;
    size_t              i;
    bool                ok = true;

    if (m->n_modify_deadline_ack_ids != m->n_modify_deadline_seconds) {
        rpc_fail(r, GRPC_INVALID_ARGUMENT,
                 "The number of modify_deadline_seconds must be that of modify_deadline_ack_ids.");
        return false;
    }
    if (count == 0)
        return true;
    c = settle_new(r, count, on_settled_quietly);
    for (i = 0; ok && i < m->n_ack_ids; i++)
        ok = add_item(r, c, m->ack_ids[i], SETTLE_ACK, 0);
    for (i = 0; ok && i < m->n_modify_deadline_ack_ids; i++)
        ok = is_deadline(r, m->modify_deadline_seconds[i]) &&
             add_item(r, c, m->modify_deadline_ack_ids[i], SETTLE_EXTEND,
                      (int64_t)m->modify_deadline_seconds[i] * 1000);
    if (ok)
        rpc_submit(r, c);
    else
        call_free(c);
    return ok;
}

void ps_settle_give_back(struct rpc *r, const struct message_ref *refs, size_t count)
{
    struct settle_call *c;
    size_t              i;

    if (count == 0)
        return;
    c = settle_new(r, count, on_settled_quietly);
    c->requeue_free = true;
    c->item_count = count;
    for (i = 0; i < count; i++)
        c->items[i] = (struct settle_item){ .lease = refs[i].lease, .action = SETTLE_RELEASE };
    rpc_submit(r, c);
}

void ps_settle_reject(struct rpc *r, const struct lease *leases, size_t count)
{
    struct settle_call *c;
    size_t              i;

    if (count == 0)
        return;
    c = settle_new(r, count, on_settled_quietly);
    c->item_count = count;
    for (i = 0; i < count; i++)
        c->items[i] = (struct settle_item){ .lease = leases[i], .action = SETTLE_REJECT };
    rpc_submit(r, c);
}
