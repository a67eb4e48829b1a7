/*
 * stream.c - StreamingPull: one gRPC stream is one consumer of the engine.
 *
 *     WANT_FIRST --first request--> LOOKING_UP --found--> SUBSCRIBING --answered--> FLOWING
 *          |                            |                     |                       |
 *          +------------- answered with a status, or the client went away ------------+--> ENDED
 *
 *   S1  The response headers leave when the stream is opened, before any message.
 *   S2  Each stream is an engine session of its own. Its end closes the session, which ends the consumer; leases are
 *       not bound to the session, so they go on until their deadline and may be acknowledged by any connection.
 *   S3  Deliveries that arrive when the stream has ended are given back at once: no client has seen them.
 *   S4  A delivery's transit credit goes back to the engine when the client's connection can take more (h2_queued up
 *       to H2_HIGH_WATER), so a slow client holds a bounded number of bytes here and no other stream up.
 *   S5  What the client limits (max_outstanding_*) the engine counts: leases given to this consumer and not ended.
 *
 * A request after the first may carry acknowledgements, deadlines, a new stream deadline, or nothing (a keep-alive).
 * Clients of protocol version 1 expect an answer to a keep-alive within seconds: an empty response.
 *
 * Thread: the loop's.
 */
#include "doors/pubsub/stream.h"

#include "doors/pubsub/ackid.h"
#include "doors/pubsub/door_int.h"
#include "doors/pubsub/received.h"
#include "doors/pubsub/resource.h"
#include "doors/pubsub/settle.h"

#include <assert.h>

enum {
    RESPONSE_BYTES = 1024 * 1024,   /* a response is sent before it grows over this, or with one message */
    SUBSCRIPTION_PROPERTIES = 4,    /* field number */
    KEEP_ALIVE_ANSWERS_VERSION = 1, /* protocol_version from which keep-alives are answered */
};

enum stream_state { WANT_FIRST, LOOKING_UP, SUBSCRIBING, FLOWING, ENDED, STREAM_STATE_COUNT };

struct stream {
    enum stream_state state;
    uint64_t          session; /* S2; 0 before SUBSCRIBING */
    uint64_t          consumer;
    uint32_t          subscription; /* for ack ids */
    bool              is_ordered;
    bool              is_half_closed; /* by the client, before its subscription was looked up */
    int32_t           deadline_seconds;
    int64_t           messages_max, bytes_max; /* 0: no limit */
    int64_t           protocol_version;
    uint32_t          owed_messages, owed_bytes; /* S4: credit not given back yet */
    struct rpc       *rpc;
};

static void set_state(struct stream *s, enum stream_state to)
{
    static const bool allowed[STREAM_STATE_COUNT][STREAM_STATE_COUNT] = {
        [WANT_FIRST] = { [LOOKING_UP] = true, [ENDED] = true },
        [LOOKING_UP] = { [SUBSCRIBING] = true, [ENDED] = true },
        [SUBSCRIBING] = { [FLOWING] = true, [ENDED] = true },
        [FLOWING] = { [ENDED] = true },
    };

    assert(allowed[s->state][to]);
    s->state = to;
}

/* The stream of an rpc, made with its first event. */
static struct stream *stream_of(struct rpc *r)
{
    struct stream *s = r->user;

    if (!s) {
        s = arena_struct(&r->arena, struct stream);
        s->rpc = r;
        r->user = s;
    }
    return s;
}

/* ---- credit ---- */

static void on_quiet(struct call *c)
{
    rpc_call_free(c->ctx, c);
}

static struct credit_call *credit_new(struct stream *s)
{
    struct credit_call *c = rpc_call_new(s->rpc, sizeof *c, CALL_CREDIT, on_quiet);

    c->call.session = s->session;
    c->call.relaxed = true;
    c->consumer = s->consumer;
    return c;
}

/* S4 */
static void give_credit(struct stream *s)
{
    struct credit_call *c;

    if (s->owed_messages == 0 || s->state != FLOWING || h2_queued(s->rpc->stream) > H2_HIGH_WATER)
        return;
    c = credit_new(s);
    c->messages = s->owed_messages;
    c->bytes = s->owed_bytes;
    s->owed_messages = 0;
    s->owed_bytes = 0;
    rpc_submit(s->rpc, c);
}

/* ---- deliveries ---- */

static void add_properties(struct stream *s, struct buf *out)
{
    PB(SubscriptionProperties) properties = GOOGLE__PUBSUB__V1__SUBSCRIPTION_PROPERTIES__INIT;

    properties.message_ordering_enabled = s->is_ordered;
    ps_encode_field(out, SUBSCRIPTION_PROPERTIES, &properties.base);
}

/* Sends the messages in out, if any, and begins the next response. */
static void send_response(struct stream *s, struct buf *out)
{
    if (out->len > GRPC_PREFIX_BYTES) {
        add_properties(s, out);
        rpc_send(s->rpc, out);
    }
    buf_clear(out);
    rpc_begin_message(out);
}

static void send_messages(struct stream *s, const struct delivery *d)
{
    struct ps_packer packer;
    struct buf       out, one;
    size_t           i;

    buf_init(&out);
    buf_init(&one);
    rpc_begin_message(&out);
    ps_packer_init(&packer, s->subscription);
    for (i = 0; i < d->message_count; i++) {
        buf_clear(&one);
        ps_packer_add(&packer, &one, &d->messages[i]);
        if (out.len + one.len > RESPONSE_BYTES)
            send_response(s, &out);
        buf_bytes(&out, buf_view(&one));
        s->owed_messages++;
        s->owed_bytes += d->messages[i].bytes;
    }
    send_response(s, &out);
    buf_fini(&one);
    buf_fini(&out);
    ps_settle_reject(s->rpc, packer.unreadable, packer.unreadable_count);
    ps_packer_fini(&packer);
}

static void on_delivery(struct delivery *d)
{
    struct stream *s = d->ctx;

    if (d->kind == DELIVERY_ENDED) {
        rpc_fail_err(s->rpc, ERR_NO_QUEUE);
    } else if (s->state == FLOWING) {
        send_messages(s, d);
        give_credit(s);
    } else {
        ps_settle_give_back(s->rpc, d->messages, d->message_count);
    }
    delivery_free(d);
}

/* ---- opening ---- */

static void on_subscribed(struct call *call)
{
    struct subscribe_call *c = (struct subscribe_call *)call;
    struct rpc            *r = call->ctx;
    struct stream         *s = r->user;

    if (call->err != ERR_OK) {
        rpc_fail_err(r, call->err);
    } else if (s->state == SUBSCRIBING) {
        s->consumer = c->consumer;
        set_state(s, FLOWING);
    }
    rpc_call_free(r, call);
}

static void subscribe(struct stream *s)
{
    struct rpc            *r = s->rpc;
    struct subscribe_call *c = rpc_call_new(r, sizeof *c, CALL_SUBSCRIBE, on_subscribed);

    s->session = gate_session(r->door->env.gate);
    c->call.session = s->session;
    c->ns = r->name.ns;
    c->queue = r->name.id;
    c->messages_max = (uint64_t)s->messages_max;
    c->bytes_max = (uint64_t)s->bytes_max;
    c->lease_ms = (int64_t)s->deadline_seconds * 1000;
    c->deliver = on_delivery;
    c->ctx = s;
    set_state(s, SUBSCRIBING);
    rpc_submit(r, c);
}

static void on_found(struct call *call)
{
    const struct queue_view *v = NULL;
    struct rpc              *r = call->ctx;
    struct stream           *s = r->user;
    enum err                 err = ps_queue_found((struct queue_get_call *)call, &v);

    if (err != ERR_OK) {
        rpc_fail_err(r, err);
    } else if (s->is_half_closed) {
        rpc_finish(r);
    } else if (s->state == LOOKING_UP) {
        s->is_ordered = v->policy.is_ordered;
        subscribe(s);
    }
    rpc_call_free(r, call);
}

static bool take_deadline(struct stream *s, int32_t seconds)
{
    if (seconds >= PS_ACK_DEADLINE_SECONDS_MIN && seconds <= PS_ACK_DEADLINE_SECONDS_MAX) {
        s->deadline_seconds = seconds;
        return true;
    }
    rpc_fail(s->rpc, GRPC_INVALID_ARGUMENT,
             "Invalid ack deadline given (ack_deadline=%d). The ack deadline must be between %d and %d seconds.",
             (int)seconds, PS_ACK_DEADLINE_SECONDS_MIN, PS_ACK_DEADLINE_SECONDS_MAX);
    return false;
}

/* The request is freed after the call; what we go on naming is copied. */
static bool take_name(struct rpc *r, const char *subscription)
{
    return rpc_take_name(r, arena_str(&r->arena, bytes_str(subscription)), PS_SUBSCRIPTIONS);
}

static void on_first(struct stream *s, const PB(StreamingPullRequest) *m)
{
    struct rpc            *r = s->rpc;
    struct queue_get_call *c;

    if (!take_name(r, m->subscription) || !take_deadline(s, m->stream_ack_deadline_seconds) ||
        !ps_settle_streamed(r, m))
        return;
    s->subscription = ackid_subscription(r->name.ns, r->name.id);
    s->messages_max = m->max_outstanding_messages > 0 ? m->max_outstanding_messages : 0;
    s->bytes_max = m->max_outstanding_bytes > 0 ? m->max_outstanding_bytes : 0;
    s->protocol_version = m->protocol_version;
    set_state(s, LOOKING_UP);
    c = rpc_call_new(r, sizeof *c, CALL_QUEUE_GET, on_found);
    c->ns = r->name.ns;
    c->name = r->name.id;
    rpc_submit(r, c);
}

/* ---- later requests ---- */

/* What only the first request may say; NULL: none of it. */
static const char *first_only(const PB(StreamingPullRequest) *m)
{
    if (m->subscription[0])
        return "subscription";
    if (m->client_id[0])
        return "client_id";
    if (m->max_outstanding_messages != 0)
        return "max_outstanding_messages";
    return m->max_outstanding_bytes != 0 ? "max_outstanding_bytes" : NULL;
}

static void change_deadline(struct stream *s, int32_t seconds)
{
    struct credit_call *c;

    if (!take_deadline(s, seconds) || s->state != FLOWING)
        return;
    c = credit_new(s);
    c->set_lease = true;
    c->lease_ms = (int64_t)seconds * 1000;
    rpc_submit(s->rpc, c);
}

static void answer_keep_alive(struct stream *s)
{
    struct buf out;

    if (s->protocol_version < KEEP_ALIVE_ANSWERS_VERSION)
        return;
    buf_init(&out);
    rpc_begin_message(&out);
    rpc_send(s->rpc, &out);
}

static void on_later(struct stream *s, const PB(StreamingPullRequest) *m)
{
    const char *argument = first_only(m);

    if (argument) {
        rpc_fail_argument(s->rpc, argument);
        return;
    }
    if (!ps_settle_streamed(s->rpc, m))
        return;
    if (m->stream_ack_deadline_seconds != 0)
        change_deadline(s, m->stream_ack_deadline_seconds);
    else if (m->n_ack_ids == 0 && m->n_modify_deadline_ack_ids == 0)
        answer_keep_alive(s);
}

void ps_stream_on_request(struct rpc *r, const ProtobufCMessage *request)
{
    const PB(StreamingPullRequest) *m = (const PB(StreamingPullRequest) *)request;
    struct stream *s = stream_of(r);

    if (s->state == WANT_FIRST)
        on_first(s, m);
    else
        on_later(s, m);
}

/* ---- ending ---- */

/* Half-closing is a normal end; only, whether the subscription exists is told first. */
void ps_stream_on_half_closed(struct rpc *r)
{
    struct stream *s = stream_of(r);

    if (s->state == LOOKING_UP)
        s->is_half_closed = true;
    else
        rpc_finish(r);
}

void ps_stream_on_writable(struct rpc *r)
{
    give_credit(stream_of(r));
}

/* S2 */
void ps_stream_on_closed(struct rpc *r)
{
    struct stream *s = stream_of(r);
    struct call   *c;

    set_state(s, ENDED);
    if (s->session == 0)
        return;
    c = rpc_call_new(r, sizeof *c, CALL_SESSION_CLOSE, on_quiet);
    c->session = s->session;
    rpc_submit(r, c);
}
