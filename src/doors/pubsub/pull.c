/*
 * pull.c - the handler of Pull: find the subscription's ack deadline, then lease, waiting for the first message.
 *
 * Pull waits as long as the client does less half a second, at most a minute, and then answers with no messages. When
 * the client goes away meanwhile, the wait is cancelled (rpc.h P4); messages that were leased in the same moment are
 * given back.
 */
#include "doors/pubsub/pull.h"

#include "doors/pubsub/ackid.h"
#include "doors/pubsub/door_int.h"
#include "doors/pubsub/received.h"
#include "doors/pubsub/resource.h"
#include "doors/pubsub/settle.h"

enum {
    PULL_MESSAGES_MAX = 1000,
    PULL_BYTES_MAX = 3 * 1024 * 1024,
    RESPONSE_BYTES_MAX = 4 * 1024 * 1024 - 64 * 1024, /* gRPC's default limit is 4 MiB; some clients keep it */
    PULL_WAIT_MS = 60 * 1000,
    PULL_MARGIN_MS = 500,
};

/* Leases count stored bytes, which may be compressed; what does not fit into one response is given back. */
static void reply(struct rpc *r, const struct lease_call *c)
{
    struct ps_packer packer;
    struct buf       out;
    size_t           i, before;

    buf_init(&out);
    rpc_begin_message(&out);
    ps_packer_init(&packer, ackid_subscription(r->name.ns, r->name.id));
    for (i = 0; i < c->message_count; i++) {
        before = out.len;
        ps_packer_add(&packer, &out, &c->messages[i]);
        if (out.len > RESPONSE_BYTES_MAX && before > GRPC_PREFIX_BYTES) {
            out.len = before;
            break;
        }
    }
    ps_settle_give_back(r, c->messages + i, c->message_count - i);
    ps_settle_reject(r, packer.unreadable, packer.unreadable_count);
    ps_packer_fini(&packer);
    rpc_send(r, &out);
    rpc_finish(r);
}

static void on_leased(struct call *call)
{
    struct lease_call *c = (struct lease_call *)call;
    struct rpc        *r = call->ctx;
    size_t             i;

    if (call->err != ERR_OK)
        rpc_fail_err(r, call->err);
    else if (r->stream)
        reply(r, c);
    else
        ps_settle_give_back(r, c->messages, c->message_count);
    for (i = 0; i < c->message_count; i++)
        slice_drop(&c->messages[i].batch);
    rpc_call_free(r, call);
}

static void lease(struct rpc *r, const struct queue_view *v)
{
    const PB(PullRequest) *m = (const PB(PullRequest) *)r->request;
    struct lease_call     *c = rpc_call_new(r, sizeof *c, CALL_LEASE, on_leased);
    int64_t                wait_ms = rpc_time_left_ms(r, PULL_WAIT_MS + PULL_MARGIN_MS) - PULL_MARGIN_MS;

    c->ns = r->name.ns;
    c->queue = r->name.id;
    c->messages_max = m->max_messages < PULL_MESSAGES_MAX ? (uint32_t)m->max_messages : PULL_MESSAGES_MAX;
    c->bytes_max = PULL_BYTES_MAX;
    c->wait_ms = m->return_immediately || wait_ms < 0 ? 0 : wait_ms;
    c->lease_ms = ps_lease_ms(v);
    rpc_submit(r, c);
}

static void on_found(struct call *call)
{
    const struct queue_view *v = NULL;
    struct rpc              *r = call->ctx;
    enum err                 err = ps_queue_found((struct queue_get_call *)call, &v);

    if (err != ERR_OK)
        rpc_fail_err(r, err);
    else if (r->stream)
        lease(r, v);
    rpc_call_free(r, call);
}

void ps_pull_on_pull(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(PullRequest) *m = (const PB(PullRequest) *)request;
    struct queue_get_call *c;

    if (!rpc_take_name(r, m->subscription, PS_SUBSCRIPTIONS))
        return;
    if (m->max_messages <= 0) {
        rpc_fail_argument(r, "max_messages");
        return;
    }
    c = rpc_call_new(r, sizeof *c, CALL_QUEUE_GET, on_found);
    c->ns = r->name.ns;
    c->name = r->name.id;
    rpc_submit(r, c);
}
