/*
 * bind.c - bindings from an exchange to a queue or to another exchange.
 *
 * The four methods are one: they differ in the kind of destination, in direction, and in
 * queue.unbind having no nowait.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include "doors/amqp/arguments.h"

struct bind_job {
    struct bind_call call;
    enum method_id   at;
    enum method_id   ok;
    bool             is_silent;
};

static void fail_binding(struct channel *ch, const struct bind_job *job)
{
    struct buf why = { 0 };

    arguments_explain_binding(job->call.key, job->call.arguments, &why);
    channel_fail(ch, REPLY_PRECONDITION_FAILED, job->at, "%.*s", (int)why.len,
                 (const char *)why.at);
    buf_fini(&why);
}

static void fail_bind(struct channel *ch, const struct bind_job *job, enum err err)
{
    const struct bind_call *b = &job->call;

    if (err == ERR_NO_EXCHANGE)
        channel_fail_resource(ch, REPLY_NOT_FOUND, job->at, "no %s", "exchange",
                              b->source_missing ? b->source : b->destination);
    else if (err == ERR_NO_QUEUE)
        channel_fail_resource(ch, REPLY_NOT_FOUND, job->at, "no %s", "queue", b->destination);
    else if (err == ERR_LOCKED)
        channel_fail_resource(ch, REPLY_RESOURCE_LOCKED, job->at, LOCKED_TEXT, "queue",
                              b->destination);
    else if (err == ERR_ACCESS)
        channel_fail(ch, REPLY_ACCESS_REFUSED, job->at,
                     "operation not permitted on the default exchange");
    else if (err == ERR_BAD_ARGUMENT)
        fail_binding(ch, job);
    else
        channel_fail_err(ch, err, job->at);
}

/* Unbinding what is not there is a success. */
static void on_bound(struct call *call)
{
    struct bind_job *job = CONTAINER(call, struct bind_job, call.call);
    struct channel  *ch = call->ctx;
    bool             is_missing = call->err == ERR_NO_EXCHANGE || call->err == ERR_NO_QUEUE;

    if (channel_answered(ch, true)) {
        if (call->err && !(call->kind == CALL_UNBIND && is_missing))
            fail_bind(ch, job, call->err);
        else if (!job->is_silent)
            channel_send(ch, job->ok, NULL);
    }
    channel_done(ch, call);
}

struct bind_request {
    enum call_kind kind;
    enum method_id at;
    enum method_id ok;
    bool           to_exchange;
    bool           is_silent;
    struct bytes   source, destination, key, arguments;
};

static void submit(struct channel *ch, const struct bind_request *r)
{
    struct bind_job *job;

    if (r->source.len == 0 || r->destination.len == 0) {
        channel_fail(ch, REPLY_ACCESS_REFUSED, r->at,
                     "operation not permitted on the default exchange");
        return;
    }
    job = call_new(sizeof *job, r->kind, loop_mailbox(ch->conn->door->loop), on_bound, ch);
    job->at = r->at;
    job->ok = r->ok;
    job->is_silent = r->is_silent;
    job->call.call.session = ch->conn->session;
    job->call.call.relaxed = r->is_silent;
    job->call.ns = amqp_namespace(ch->conn);
    job->call.source = call_bytes(job, r->source);
    job->call.destination = call_bytes(job, r->destination);
    job->call.key = call_bytes(job, r->key);
    job->call.arguments = call_bytes(job, r->arguments);
    job->call.to_exchange = r->to_exchange;
    channel_submit_held(ch, job);
}

enum {
    QUEUE_TICKET,
    QUEUE_NAME,
    QUEUE_EXCHANGE,
    QUEUE_KEY,
    QUEUE_NOWAIT,
    QUEUE_ARGUMENTS,
    QUEUE_UNBIND_ARGUMENTS = QUEUE_NOWAIT
};

/* With no queue and no key, the key is the last queue's name, too. */
static void bind_queue(struct channel *ch, const struct arg *args, struct bind_request *r)
{
    r->destination = channel_queue_arg(ch, args[QUEUE_NAME].b, r->at);
    if (bytes_is_null(r->destination))
        return;
    r->source = args[QUEUE_EXCHANGE].b;
    r->key = args[QUEUE_KEY].b;
    if (args[QUEUE_NAME].b.len == 0 && r->key.len == 0)
        r->key = r->destination;
    submit(ch, r);
}

void bind_on_queue_bind(struct channel *ch, const struct arg *args)
{
    bind_queue(ch, args,
               &(struct bind_request){ .kind = CALL_BIND,
                                       .at = METHOD_QUEUE_BIND,
                                       .ok = METHOD_QUEUE_BIND_OK,
                                       .is_silent = args[QUEUE_NOWAIT].n,
                                       .arguments = args[QUEUE_ARGUMENTS].b });
}

void bind_on_queue_unbind(struct channel *ch, const struct arg *args)
{
    bind_queue(ch, args,
               &(struct bind_request){ .kind = CALL_UNBIND,
                                       .at = METHOD_QUEUE_UNBIND,
                                       .ok = METHOD_QUEUE_UNBIND_OK,
                                       .arguments = args[QUEUE_UNBIND_ARGUMENTS].b });
}

enum {
    EXCHANGE_TICKET,
    EXCHANGE_DESTINATION,
    EXCHANGE_SOURCE,
    EXCHANGE_KEY,
    EXCHANGE_NOWAIT,
    EXCHANGE_ARGUMENTS
};

static void bind_exchange(struct channel *ch, const struct arg *args, struct bind_request *r)
{
    r->to_exchange = true;
    r->is_silent = args[EXCHANGE_NOWAIT].n;
    r->source = args[EXCHANGE_SOURCE].b;
    r->destination = args[EXCHANGE_DESTINATION].b;
    r->key = args[EXCHANGE_KEY].b;
    r->arguments = args[EXCHANGE_ARGUMENTS].b;
    submit(ch, r);
}

void bind_on_exchange_bind(struct channel *ch, const struct arg *args)
{
    bind_exchange(ch, args,
                  &(struct bind_request){ .kind = CALL_BIND,
                                          .at = METHOD_EXCHANGE_BIND,
                                          .ok = METHOD_EXCHANGE_BIND_OK });
}

void bind_on_exchange_unbind(struct channel *ch, const struct arg *args)
{
    bind_exchange(ch, args,
                  &(struct bind_request){ .kind = CALL_UNBIND,
                                          .at = METHOD_EXCHANGE_UNBIND,
                                          .ok = METHOD_EXCHANGE_UNBIND_OK });
}
