/*
 * consume.c - consumers: qos, consume, cancel, get, and what the engine delivers to them.
 *
 *   M1  A consumer object lives from basic.consume until the engine can send it nothing more:
 *       until its unsubscribe is answered, or its queue's end was delivered.
 *   M2  cancel-ok follows the consumer's last delivery, because answers and deliveries come in
 *       the engine's order (call.h C4).
 *   M3  When the channel goes, what is still on its way is given back (is_quiet); messages of
 *       no_ack consumers are gone.
 *   M4  What was written is given back to the engine's transit window when it amounts to
 *       something, and only while the client takes what we write: that bounds what a client that
 *       does not read can make us hold.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include "doors/amqp/arguments.h"
#include "engine/table.h"

#include <assert.h>
#include <stdlib.h>

enum {
    CREDIT_MESSAGES = CONSUMER_TRANSIT_MESSAGES_MAX / 8,
    CREDIT_BYTES = CONSUMER_TRANSIT_BYTES_MAX / 8,
};

static void on_deliver(struct delivery *d);

/* A call about a consumer or a queue whose answer may not be wanted. */
struct consume_job {
    struct subscribe_call call;
    struct consumer      *consumer;
    bool                  is_silent; /* nowait */
};

struct cancel_job {
    struct unsubscribe_call call;
    struct consumer        *consumer;
    bool                    is_silent;
    bool                    is_held; /* the channel waits for it */
};

/* ---- consumers ---- */

static struct consumer *consumer_new(struct channel *ch, struct bytes tag, struct bytes queue)
{
    struct consumer *k = mem_new(sizeof *k + tag.len + queue.len);
    uint8_t         *text = (uint8_t *)(k + 1);

    k->channel = ch;
    memcpy(text, tag.at, tag.len);
    memcpy(text + tag.len, queue.at, queue.len);
    k->tag = bytes_of(text, tag.len);
    k->queue = bytes_of(text + tag.len, queue.len);
    list_init(&k->in_credits);
    map_put(&ch->consumers, k->tag, k);
    return k;
}

void consume_free(struct consumer *k)
{
    list_remove(&k->in_credits);
    free(k);
}

static void forget(struct consumer *k)
{
    if (k->channel->reply == k)
        k->channel->reply = NULL;
    map_remove(&k->channel->consumers, k->tag);
    consume_free(k);
}

/* ---- unsubscribe ---- */

static void on_unsubscribed(struct call *call)
{
    struct cancel_job *job = CONTAINER(call, struct cancel_job, call.call);
    struct channel    *ch = call->ctx;

    if (channel_answered(ch, job->is_held) && !job->is_silent)
        channel_send(ch, METHOD_BASIC_CANCEL_OK, (struct arg[]){ ARG_B(job->consumer->tag) });
    forget(job->consumer);
    channel_check_closed(ch);
    channel_done(ch, call);
}

static void unsubscribe(struct consumer *k, bool is_silent)
{
    struct channel    *ch = k->channel;
    struct cancel_job *job = call_new(sizeof *job, CALL_UNSUBSCRIBE,
                                      loop_mailbox(ch->conn->door->loop), on_unsubscribed, ch);

    k->is_ending = true;
    if (ch->reply == k)
        ch->reply = NULL;
    job->consumer = k;
    job->is_silent = is_silent;
    job->call.call.session = ch->conn->session;
    job->call.call.relaxed = false; /* it must not overtake the deliveries before it */
    job->call.consumer = k->id;
    job->is_held = !k->is_quiet;
    if (job->is_held)
        channel_submit_held(ch, job);
    else
        channel_submit(ch, job);
}

void consume_end_all(struct channel *ch)
{
    struct consumer *k;
    size_t           at = 0;

    while ((k = map_next(&ch->consumers, &at)) != NULL) {
        k->is_quiet = true;
        if (k->id != 0 && !k->is_ending)
            unsubscribe(k, true);
    }
}

/* ---- qos ---- */

static void on_limited(struct call *call)
{
    channel_answered(call->ctx, false);
    channel_done(call->ctx, call);
}

static void set_limiter(struct channel *ch, uint64_t messages_max)
{
    struct limiter_set_call *call = call_new(sizeof *call, CALL_LIMITER_SET,
                                             loop_mailbox(ch->conn->door->loop), on_limited, ch);

    call->call.session = ch->conn->session;
    call->call.relaxed = true;
    call->limiter = ch->number;
    call->messages_max = messages_max;
    ch->has_limiter = true;
    channel_submit(ch, call);
}

enum { QOS_SIZE, QOS_COUNT, QOS_GLOBAL };

void consume_on_qos(struct channel *ch, const struct arg *args)
{
    if (args[QOS_SIZE].n != 0) {
        channel_fail(ch, REPLY_NOT_IMPLEMENTED, METHOD_BASIC_QOS, "prefetch_size!=0 (%llu)",
                     (unsigned long long)args[QOS_SIZE].n);
        return;
    }
    if (args[QOS_GLOBAL].n) {
        set_limiter(ch, args[QOS_COUNT].n);
    } else {
        ch->prefetch = (uint16_t)args[QOS_COUNT].n;
        if (ch->has_limiter)
            set_limiter(ch, 0); /* RabbitMQ: the other kind lifts the shared limit */
    }
    channel_send(ch, METHOD_BASIC_QOS_OK, NULL);
}

/* ---- consume ---- */

static void on_subscribed(struct call *call)
{
    struct consume_job *job = CONTAINER(call, struct consume_job, call.call);
    struct channel     *ch = call->ctx;
    struct consumer    *k = job->consumer;
    bool                is_heard = channel_answered(ch, true);

    k->id = call->err ? 0 : job->call.consumer;
    if (call->err) {
        struct bytes queue = call_bytes(call, k->queue);

        forget(k);
        if (is_heard && call->err == ERR_NO_QUEUE)
            channel_fail_resource(ch, REPLY_NOT_FOUND, METHOD_BASIC_CONSUME, "no %s", "queue",
                                  queue);
        else if (is_heard && call->err == ERR_LOCKED)
            channel_fail_resource(ch, REPLY_RESOURCE_LOCKED, METHOD_BASIC_CONSUME, LOCKED_TEXT,
                                  "queue", queue);
        else if (is_heard && call->err == ERR_IN_USE)
            channel_fail_resource(ch, REPLY_ACCESS_REFUSED, METHOD_BASIC_CONSUME,
                                  "%s in exclusive use", "queue", queue);
        else if (is_heard)
            channel_fail_err(ch, call->err, METHOD_BASIC_CONSUME);
        else
            channel_check_closed(ch);
    } else if (!is_heard) {
        k->is_quiet = true;
        if (ch->conn->state == AMQP_RUNNING)
            unsubscribe(k, true);
    } else if (!job->is_silent) {
        channel_send(ch, METHOD_BASIC_CONSUME_OK, (struct arg[]){ ARG_B(k->tag) });
    }
    channel_done(ch, call);
}

static bool check_arguments(struct channel *ch, struct bytes queue, struct bytes table,
                            int32_t *priority)
{
    struct buf rs = { 0 };
    struct buf why = { 0 };
    bool       is_right;

    resource_text(&rs, "queue", queue, amqp_vhost(ch->conn));
    is_right = arguments_check_consumer(table, buf_view(&rs), priority, &why);
    if (!is_right)
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_BASIC_CONSUME, "%.*s", (int)why.len,
                     (const char *)why.at);
    buf_fini(&rs);
    buf_fini(&why);
    return is_right;
}

enum {
    CONSUME_TICKET,
    CONSUME_QUEUE,
    CONSUME_TAG,
    CONSUME_NO_LOCAL,
    CONSUME_NO_ACK,
    CONSUME_EXCLUSIVE,
    CONSUME_NOWAIT,
    CONSUME_ARGUMENTS
};

static void submit_consume(struct channel *ch, struct consumer *k, const struct arg *args,
                           int32_t priority)
{
    struct consume_job *job = call_new(sizeof *job, CALL_SUBSCRIBE,
                                       loop_mailbox(ch->conn->door->loop), on_subscribed, ch);

    job->consumer = k;
    job->is_silent = args[CONSUME_NOWAIT].n;
    job->call.call.session = ch->conn->session;
    job->call.call.relaxed = job->is_silent;
    job->call.ns = amqp_namespace(ch->conn);
    job->call.queue = call_bytes(job, k->queue);
    job->call.messages_max = k->no_ack ? 0 : ch->prefetch;
    job->call.limiter = ch->number;
    job->call.no_ack = k->no_ack;
    job->call.is_exclusive = args[CONSUME_EXCLUSIVE].n;
    job->call.priority = priority;
    job->call.is_bound = true;
    job->call.lease_ms = 0;
    job->call.deliver = on_deliver;
    job->call.ctx = k;
    channel_submit_held(ch, job);
}

void consume_on_consume(struct channel *ch, const struct arg *args)
{
    struct bytes     queue = channel_queue_arg(ch, args[CONSUME_QUEUE].b, METHOD_BASIC_CONSUME);
    struct bytes     tag = args[CONSUME_TAG].b;
    bool             is_reply = reply_is_address(queue);
    char             random[RANDOM_NAME_MAX];
    char             name[RANDOM_NAME_MAX];
    struct consumer *k;
    int32_t          priority;

    if (bytes_is_null(queue) || (is_reply && !reply_check(ch, args[CONSUME_NO_ACK].n)))
        return;
    if (tag.len > 0 && map_get(&ch->consumers, tag)) {
        channel_fail(ch, REPLY_NOT_ALLOWED, METHOD_BASIC_CONSUME,
                     "attempt to reuse consumer tag '%.*s'", (int)tag.len, (const char *)tag.at);
        return;
    }
    if (ch->consumers.count >= AMQP_CONSUMERS_MAX) {
        channel_fail(ch, REPLY_NOT_ALLOWED, METHOD_BASIC_CONSUME,
                     "reached maximum (%d) of consumers per channel", AMQP_CONSUMERS_MAX);
        return;
    }
    if (!check_arguments(ch, queue, args[CONSUME_ARGUMENTS].b, &priority))
        return;
    if (tag.len == 0)
        tag = channel_random_name(ch, "amq.ctag-", random);
    if (!ch->has_limiter)
        set_limiter(ch, 0); /* so that a later global qos finds its consumers attached */
    k = consumer_new(ch, tag, is_reply ? reply_make_queue(ch, name) : queue);
    k->no_ack = args[CONSUME_NO_ACK].n;
    if (is_reply)
        ch->reply = k;
    submit_consume(ch, k, args, priority);
}

/* ---- cancel ---- */

void consume_on_cancel(struct channel *ch, const struct arg *args)
{
    struct consumer *k = map_get(&ch->consumers, args[0].b);
    bool             is_silent = args[1].n;

    if (k)
        unsubscribe(k, is_silent);
    else if (!is_silent)
        channel_send(ch, METHOD_BASIC_CANCEL_OK, (struct arg[]){ ARG_B(args[0].b) });
}

/* Some clients confirm the server's cancel; nothing is left to be done. */
void consume_on_cancel_ok(struct channel *ch, const struct arg *args)
{
    (void)ch;
    (void)args;
}

/* The queue is gone. */
static void on_queue_ended(struct consumer *k)
{
    struct channel *ch = k->channel;

    k->has_ended = true;
    if (k->is_ending)
        return; /* its unsubscribe is answered next */
    if (channel_is_open(ch) && ch->conn->wants_cancel_notify)
        channel_send(ch, METHOD_BASIC_CANCEL, (struct arg[]){ ARG_B(k->tag), ARG_N(1) });
    forget(k);
    channel_check_closed(ch);
}

/* ---- deliveries ---- */

static void on_credit_given(struct call *call)
{
    struct amqp_conn *c = call->ctx;

    call_free(call);
    amqp_conn_answered(c);
}

/* M4. */
void consume_give_credit(struct consumer *k)
{
    struct amqp_conn   *c = k->channel->conn;
    struct credit_call *call =
        call_new(sizeof *call, CALL_CREDIT, loop_mailbox(c->door->loop), on_credit_given, c);

    call->call.session = c->session;
    call->call.relaxed = true;
    call->consumer = k->id;
    call->messages = k->credit_messages;
    call->bytes = k->credit_bytes;
    k->credit_messages = k->credit_bytes = 0;
    amqp_conn_submit(c, &call->call);
}

static void count_written(struct consumer *k, const struct message_ref *m)
{
    k->credit_messages++;
    k->credit_bytes += m->bytes;
    if ((k->credit_messages >= CREDIT_MESSAGES || k->credit_bytes >= CREDIT_BYTES) &&
        list_empty(&k->in_credits))
        list_push(&k->channel->conn->credits, &k->in_credits);
}

/* A message that cannot be read any more is settled, or it would come again and again. */
static void deliver_one(struct consumer *k, const struct message_ref *m)
{
    struct channel *ch = k->channel;

    if (deliver_message(k, m)) {
        if (!k->no_ack)
            unacked_add(&ch->unacked, ch->last_tag, m->lease);
    } else if (!k->no_ack) {
        settle_add(ch->conn, m->lease, SETTLE_ACK, false);
    }
    count_written(k, m);
}

static void on_deliver(struct delivery *d)
{
    struct consumer  *k = d->ctx;
    struct channel   *ch = k->channel;
    struct amqp_conn *c = ch->conn;

    amqp_conn_touch(c);
    if (d->kind == DELIVERY_ENDED) {
        on_queue_ended(k);
    } else if (c->state == AMQP_RUNNING) {
        for (size_t i = 0; i < d->message_count; i++) {
            if (channel_is_open(ch))
                deliver_one(k, &d->messages[i]);
            else if (!k->no_ack)
                settle_add(c, d->messages[i].lease, SETTLE_RELEASE, true);
        }
    }
    delivery_free(d);
}

/* ---- get ---- */

static void answer_get(struct channel *ch, struct lease_call *get)
{
    struct message_ref *m = get->messages;

    if (get->message_count == 0) {
        channel_send(ch, METHOD_BASIC_GET_EMPTY, (struct arg[]){ ARG_B(bytes_str("")) });
    } else if (!deliver_got(ch, m, get->queue, get->ready_count)) {
        if (!get->no_ack)
            settle_add(ch->conn, m->lease, SETTLE_ACK, false);
        channel_send(ch, METHOD_BASIC_GET_EMPTY, (struct arg[]){ ARG_B(bytes_str("")) });
    } else if (!get->no_ack) {
        unacked_add(&ch->unacked, ch->last_tag, m->lease);
    }
}

static void on_got(struct call *call)
{
    struct lease_call *get = CONTAINER(call, struct lease_call, call);
    struct channel    *ch = call->ctx;
    bool               is_heard = channel_answered(ch, true);

    if (is_heard && call->err == ERR_NO_QUEUE)
        channel_fail_resource(ch, REPLY_NOT_FOUND, METHOD_BASIC_GET, "no %s", "queue", get->queue);
    else if (is_heard && call->err == ERR_LOCKED)
        channel_fail_resource(ch, REPLY_RESOURCE_LOCKED, METHOD_BASIC_GET, LOCKED_TEXT, "queue",
                              get->queue);
    else if (is_heard && call->err)
        channel_fail_err(ch, call->err, METHOD_BASIC_GET);
    else if (is_heard)
        answer_get(ch, get);
    else if (ch->conn->state == AMQP_RUNNING && get->message_count > 0 && !get->no_ack)
        settle_add(ch->conn, get->messages[0].lease, SETTLE_RELEASE, true);
    for (size_t i = 0; i < get->message_count; i++)
        slice_drop(&get->messages[i].batch);
    channel_done(ch, call);
}

enum { GET_TICKET, GET_QUEUE, GET_NO_ACK };

void consume_on_get(struct channel *ch, const struct arg *args)
{
    struct bytes       queue = channel_queue_arg(ch, args[GET_QUEUE].b, METHOD_BASIC_GET);
    struct lease_call *get;

    if (bytes_is_null(queue))
        return;
    get = call_new(sizeof *get, CALL_LEASE, loop_mailbox(ch->conn->door->loop), on_got, ch);
    get->call.session = ch->conn->session;
    get->ns = amqp_namespace(ch->conn);
    get->queue = call_bytes(get, queue);
    get->messages_max = 1;
    get->bytes_max = UINT32_MAX;
    get->lease_ms = 0;
    get->is_bound = true;
    get->no_ack = args[GET_NO_ACK].n;
    channel_submit_held(ch, get);
}
