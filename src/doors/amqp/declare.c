/*
 * declare.c - queues and exchanges: declare, delete, purge.
 *
 * Declaring is idempotent for equals: the engine creates or tells what there is, and the
 * comparison, which is RabbitMQ's, is made here. The queue's arguments and flags as declared are
 * kept with it as its AMQP native:
 *
 *     0 version u8 = 1 | 1 flags u8: 1 durable, 2 auto-delete, 4 exclusive | 2 the arguments table without its length
 *
 * What may not be created may still exist, and then the difference is what the client is told. So
 * such a declaration is first tried passively, and only when nothing is there refused for its own
 * sake (`refusal`).
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include "doors/amqp/arguments.h"

#include <stdlib.h>

enum {
    NATIVE_VERSION = 1,
    NATIVE_DURABLE = 1,
    NATIVE_AUTO_DELETE = 2,
    NATIVE_EXCLUSIVE = 4,
    NATIVE_TABLE_AT = 2,
};

/* Fails with a text that was put together. */
static void fail_text(struct channel *ch, enum reply reply, enum method_id at, struct buf *why)
{
    channel_fail(ch, reply, at, "%.*s", (int)why->len, (const char *)why->at);
}

/* Names lose their carriage returns and line feeds, as copied ones tend to have them. */
static struct bytes strip_cr_lf(struct bytes name, uint8_t out[UINT8_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] != '\r' && name.at[i] != '\n')
            out[n++] = name.at[i];
    return bytes_of(out, n);
}

static bool is_reserved(struct bytes name)
{
    return bytes_starts(name, "amq.");
}

/* ---- queue.declare ---- */

struct declare_job {
    struct queue_declare_call call;
    bool                      is_silent;
    bool                      was_passive; /* asked for as such */
    struct queue_flags        flags;       /* effective ones */
    struct bytes              arguments;
    struct bytes              refusal; /* null: it may be created */
};

static void send_declare_ok(struct channel *ch, const struct declare_job *job)
{
    const struct queue_view *v = &job->call.view;

    channel_set_last_queue(ch, job->call.name);
    if (!job->is_silent)
        channel_send(ch, METHOD_QUEUE_DECLARE_OK,
                     (struct arg[]){ ARG_B(job->call.name), ARG_N(v->ready_count),
                                     ARG_N(v->consumer_count) });
}

static bool is_locked(const struct declare_job *job)
{
    uint64_t owner = job->flags.is_exclusive ? job->call.call.session : 0;

    return job->call.view.owner != owner;
}

/* Exclusivity first (405), then durable, auto-delete, arguments (406). */
static void compare(struct channel *ch, const struct declare_job *job)
{
    const struct queue_view *v = &job->call.view;
    struct bytes             native = v->native[DOOR_AMQP];
    struct bytes             current = bytes_of(NULL, 0);
    struct buf               rs = { 0 };
    struct buf               why = { 0 };

    if (is_locked(job)) {
        channel_fail_resource(ch, REPLY_RESOURCE_LOCKED, METHOD_QUEUE_DECLARE, LOCKED_TEXT, "queue",
                              job->call.name);
        return;
    }
    resource_text(&rs, "queue", job->call.name, amqp_vhost(ch->conn));
    if (native.len >= NATIVE_TABLE_AT)
        current = bytes_of(native.at + NATIVE_TABLE_AT, native.len - NATIVE_TABLE_AT);
    if (bytes_is_null(native) ||
        (arguments_same_flag("durable", v->is_durable, job->flags.is_durable, buf_view(&rs),
                             &why) &&
         arguments_same_flag("auto_delete", v->is_auto_delete, job->flags.is_auto_delete,
                             buf_view(&rs), &why) &&
         arguments_same_queue(current, job->arguments, buf_view(&rs), &why)))
        send_declare_ok(ch, job);
    else
        fail_text(ch, REPLY_PRECONDITION_FAILED, METHOD_QUEUE_DECLARE, &why);
    buf_fini(&rs);
    buf_fini(&why);
}

static void on_declared(struct call *call)
{
    struct declare_job *job = CONTAINER(call, struct declare_job, call.call);
    struct channel     *ch = call->ctx;
    struct bytes        refusal = job->refusal;

    if (!channel_answered(ch, true)) {
        channel_done(ch, call);
        return;
    }
    if (call->err == ERR_NO_QUEUE && !bytes_is_null(refusal))
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_QUEUE_DECLARE, "%.*s", (int)refusal.len,
                     (const char *)refusal.at);
    else if (call->err == ERR_NO_QUEUE)
        channel_fail_resource(ch, REPLY_NOT_FOUND, METHOD_QUEUE_DECLARE, "no %s", "queue",
                              job->call.name);
    else if (reply_is_queue(job->call.name) && (!call->err || call->err == ERR_LOCKED))
        reply_send_there(ch, job->call.name, job->is_silent);
    else if (call->err == ERR_LOCKED)
        channel_fail_resource(ch, REPLY_RESOURCE_LOCKED, METHOD_QUEUE_DECLARE, LOCKED_TEXT, "queue",
                              job->call.name);
    else if (call->err)
        channel_fail_err(ch, call->err, METHOD_QUEUE_DECLARE);
    else if (job->was_passive || (!job->call.existed && bytes_is_null(refusal)))
        send_declare_ok(ch, job);
    else
        compare(ch, job);
    channel_done(ch, call);
}

static struct bytes native_of(void *call, struct queue_flags flags, struct bytes table)
{
    uint8_t *at = arena_new(&((struct call *)call)->arena, NATIVE_TABLE_AT + table.len);

    at[0] = NATIVE_VERSION;
    at[1] = (uint8_t)((flags.is_durable ? NATIVE_DURABLE : 0) |
                      (flags.is_auto_delete ? NATIVE_AUTO_DELETE : 0) |
                      (flags.is_exclusive ? NATIVE_EXCLUSIVE : 0));
    if (table.len > 0)
        memcpy(at + NATIVE_TABLE_AT, table.at, table.len);
    return bytes_of(at, NATIVE_TABLE_AT + table.len);
}

enum {
    DECLARE_TICKET,
    DECLARE_QUEUE,
    DECLARE_PASSIVE,
    DECLARE_DURABLE,
    DECLARE_EXCLUSIVE,
    DECLARE_AUTO_DELETE,
    DECLARE_NOWAIT,
    DECLARE_ARGUMENTS
};

/* An exclusive queue does not outlive its connection, so it is not durable whatever was asked for. */
static struct queue_flags flags_of(const struct arg *args)
{
    return (struct queue_flags){
        .is_exclusive = args[DECLARE_EXCLUSIVE].n,
        .is_durable = args[DECLARE_DURABLE].n && !args[DECLARE_EXCLUSIVE].n,
        .is_auto_delete = args[DECLARE_AUTO_DELETE].n,
    };
}

/* Why it may not be created; null when it may. */
static struct bytes refusal_of(struct channel *ch, struct declare_job *job)
{
    struct buf   rs = { 0 };
    struct buf   why = { 0 };
    struct bytes refusal = bytes_of(NULL, 0);

    resource_text(&rs, "queue", job->call.name, amqp_vhost(ch->conn));
    if (!arguments_check_queue(job->arguments, job->flags, buf_view(&rs), &why))
        refusal = call_bytes(job, buf_view(&why));
    buf_fini(&rs);
    buf_fini(&why);
    return refusal;
}

static void submit_declare(struct channel *ch, struct bytes name, const struct arg *args)
{
    struct declare_job *job = call_new(sizeof *job, CALL_QUEUE_DECLARE,
                                       loop_mailbox(ch->conn->door->loop), on_declared, ch);

    job->is_silent = args[DECLARE_NOWAIT].n;
    job->was_passive = args[DECLARE_PASSIVE].n || reply_is_queue(name);
    job->flags = flags_of(args);
    job->arguments = call_bytes(job, args[DECLARE_ARGUMENTS].b);
    job->call.call.session = ch->conn->session;
    job->call.call.relaxed = job->is_silent; /* nobody is told, so nothing is promised */
    job->call.ns = amqp_namespace(ch->conn);
    job->call.name = call_bytes(job, name);
    if (!job->was_passive)
        job->refusal = refusal_of(ch, job);
    job->call.is_passive = job->was_passive || !bytes_is_null(job->refusal);
    job->call.is_durable = job->flags.is_durable;
    job->call.is_auto_delete = job->flags.is_auto_delete;
    job->call.is_exclusive = job->flags.is_exclusive;
    job->call.policy.expires_ms = arguments_number("x-expires", job->arguments);
    job->call.policy.is_single_active = arguments_is_set("x-single-active-consumer", job->arguments);
    job->call.door = DOOR_AMQP;
    job->call.native = native_of(job, job->flags, job->arguments);
    channel_submit_held(ch, job);
}

void declare_on_queue_declare(struct channel *ch, const struct arg *args)
{
    bool         is_passive = args[DECLARE_PASSIVE].n;
    uint8_t      stripped[UINT8_MAX];
    char         random[RANDOM_NAME_MAX];
    struct bytes name = strip_cr_lf(args[DECLARE_QUEUE].b, stripped);

    if (name.len == 0 && is_passive) {
        channel_fail_resource(ch, REPLY_NOT_FOUND, METHOD_QUEUE_DECLARE, "no %s", "queue", name);
        return;
    }
    if (reply_is_address(name)) {
        reply_send_there(ch, name, args[DECLARE_NOWAIT].n);
        return;
    }
    if (!is_passive && is_reserved(name) && !reply_is_queue(name)) {
        channel_fail(ch, REPLY_ACCESS_REFUSED, METHOD_QUEUE_DECLARE,
                     "queue name '%.*s' contains reserved prefix 'amq.*'", (int)name.len,
                     (const char *)name.at);
        return;
    }
    if (name.len == 0)
        name = channel_random_name(ch, "amq.gen-", random);
    submit_declare(ch, name, args);
}

/* ---- queue.delete, queue.purge ---- */

struct delete_job {
    struct queue_delete_call call;
    bool                     is_silent;
};

/* Deleting what is not there is a success of nothing. */
static void on_queue_deleted(struct call *call)
{
    struct delete_job *job = CONTAINER(call, struct delete_job, call.call);
    struct channel    *ch = call->ctx;
    enum method_id     at = METHOD_QUEUE_DELETE;

    if (channel_answered(ch, true)) {
        if (call->err == ERR_IN_USE)
            channel_fail_resource(ch, REPLY_PRECONDITION_FAILED, at, "%s in use", "queue",
                                  job->call.name);
        else if (call->err == ERR_NOT_EMPTY)
            channel_fail_resource(ch, REPLY_PRECONDITION_FAILED, at, "%s not empty", "queue",
                                  job->call.name);
        else if (call->err == ERR_LOCKED)
            channel_fail_resource(ch, REPLY_RESOURCE_LOCKED, at, LOCKED_TEXT, "queue",
                                  job->call.name);
        else if (call->err && call->err != ERR_NO_QUEUE)
            channel_fail_err(ch, call->err, at);
        else if (!job->is_silent)
            channel_send(ch, METHOD_QUEUE_DELETE_OK,
                         (struct arg[]){ ARG_N(call->err ? 0 : job->call.message_count) });
    }
    channel_done(ch, call);
}

enum { DELETE_TICKET, DELETE_QUEUE, DELETE_IF_UNUSED, DELETE_IF_EMPTY, DELETE_NOWAIT };

void declare_on_queue_delete(struct channel *ch, const struct arg *args)
{
    uint8_t            stripped[UINT8_MAX];
    struct bytes       name = channel_queue_arg(ch, args[DELETE_QUEUE].b, METHOD_QUEUE_DELETE);
    struct delete_job *job;

    if (bytes_is_null(name))
        return;
    job = call_new(sizeof *job, CALL_QUEUE_DELETE, loop_mailbox(ch->conn->door->loop),
                   on_queue_deleted, ch);
    job->is_silent = args[DELETE_NOWAIT].n;
    job->call.call.session = ch->conn->session;
    job->call.call.relaxed = job->is_silent;
    job->call.ns = amqp_namespace(ch->conn);
    job->call.name = call_bytes(job, strip_cr_lf(name, stripped));
    job->call.if_unused = args[DELETE_IF_UNUSED].n;
    job->call.if_empty = args[DELETE_IF_EMPTY].n;
    channel_submit_held(ch, job);
}

struct purge_job {
    struct queue_purge_call call;
    bool                    is_silent;
};

static void on_purged(struct call *call)
{
    struct purge_job *job = CONTAINER(call, struct purge_job, call.call);
    struct channel   *ch = call->ctx;
    enum method_id    at = METHOD_QUEUE_PURGE;

    if (channel_answered(ch, true)) {
        if (call->err == ERR_NO_QUEUE)
            channel_fail_resource(ch, REPLY_NOT_FOUND, at, "no %s", "queue", job->call.name);
        else if (call->err == ERR_LOCKED)
            channel_fail_resource(ch, REPLY_RESOURCE_LOCKED, at, LOCKED_TEXT, "queue",
                                  job->call.name);
        else if (call->err)
            channel_fail_err(ch, call->err, at);
        else if (!job->is_silent)
            channel_send(ch, METHOD_QUEUE_PURGE_OK,
                         (struct arg[]){ ARG_N(job->call.message_count) });
    }
    channel_done(ch, call);
}

enum { PURGE_TICKET, PURGE_QUEUE, PURGE_NOWAIT };

void declare_on_queue_purge(struct channel *ch, const struct arg *args)
{
    struct bytes      name = channel_queue_arg(ch, args[PURGE_QUEUE].b, METHOD_QUEUE_PURGE);
    struct purge_job *job;

    if (bytes_is_null(name))
        return;
    job =
        call_new(sizeof *job, CALL_QUEUE_PURGE, loop_mailbox(ch->conn->door->loop), on_purged, ch);
    job->is_silent = args[PURGE_NOWAIT].n;
    job->call.call.session = ch->conn->session;
    job->call.call.relaxed = job->is_silent;
    job->call.ns = amqp_namespace(ch->conn);
    job->call.name = call_bytes(job, name);
    channel_submit_held(ch, job);
}

/* ---- exchange.declare ---- */

struct exchange_job {
    struct exchange_declare_call call;
    bool                         is_silent;
    bool                         was_passive;
    bool                         is_reserved;
    struct bytes                 refusal;
};

static bool is_same_exchange(const struct exchange_job *job, struct bytes rs, struct buf *why)
{
    const struct exchange_declare_call *d = &job->call;
    const struct exchange_view         *v = &d->view;

    return arguments_same_text("type", v->type, d->type, rs, why) &&
           arguments_same_flag("durable", v->is_durable, d->is_durable, rs, why) &&
           arguments_same_flag("auto_delete", v->is_auto_delete, d->is_auto_delete, rs, why) &&
           arguments_same_flag("internal", v->is_internal, d->is_internal, rs, why) &&
           arguments_same_exchange(v->arguments, d->arguments, rs, why);
}

static void compare_exchange(struct channel *ch, const struct exchange_job *job)
{
    struct buf rs = { 0 };
    struct buf why = { 0 };

    resource_text(&rs, "exchange", job->call.name, amqp_vhost(ch->conn));
    if (!is_same_exchange(job, buf_view(&rs), &why))
        fail_text(ch, REPLY_PRECONDITION_FAILED, METHOD_EXCHANGE_DECLARE, &why);
    else if (!job->is_silent)
        channel_send(ch, METHOD_EXCHANGE_DECLARE_OK, NULL);
    buf_fini(&rs);
    buf_fini(&why);
}

/* The engine cannot route by its arguments. */
static void fail_routing(struct channel *ch, const struct exchange_job *job)
{
    struct buf why = { 0 };

    arguments_explain_routing(job->call.type, job->call.arguments, &why);
    fail_text(ch, REPLY_PRECONDITION_FAILED, METHOD_EXCHANGE_DECLARE, &why);
    buf_fini(&why);
}

static void fail_exchange(struct channel *ch, const struct exchange_job *job, enum err err)
{
    struct bytes name = job->call.name;
    struct bytes type = job->call.type;

    if (err == ERR_NO_EXCHANGE && job->is_reserved)
        channel_fail(ch, REPLY_ACCESS_REFUSED, METHOD_EXCHANGE_DECLARE,
                     "exchange name '%.*s' contains reserved prefix 'amq.*'", (int)name.len,
                     (const char *)name.at);
    else if (err == ERR_NO_EXCHANGE && !bytes_is_null(job->refusal))
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_EXCHANGE_DECLARE, "%.*s",
                     (int)job->refusal.len, (const char *)job->refusal.at);
    else if (err == ERR_NO_EXCHANGE)
        channel_fail_resource(ch, REPLY_NOT_FOUND, METHOD_EXCHANGE_DECLARE, "no %s", "exchange",
                              name);
    else if (err == ERR_BAD_ARGUMENT)
        fail_routing(ch, job);
    else if (err == ERR_UNKNOWN_TYPE)
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_EXCHANGE_DECLARE,
                     "unknown exchange type '%.*s'", (int)type.len, (const char *)type.at);
    else
        channel_fail_err(ch, err, METHOD_EXCHANGE_DECLARE);
}

static void on_exchange_declared(struct call *call)
{
    struct exchange_job *job = CONTAINER(call, struct exchange_job, call.call);
    struct channel      *ch = call->ctx;

    if (channel_answered(ch, true)) {
        if (call->err)
            fail_exchange(ch, job, call->err);
        else if (!job->was_passive && job->call.existed)
            compare_exchange(ch, job);
        else if (!job->is_silent)
            channel_send(ch, METHOD_EXCHANGE_DECLARE_OK, NULL);
    }
    channel_done(ch, call);
}

enum {
    EXCHANGE_TICKET,
    EXCHANGE_NAME,
    EXCHANGE_TYPE,
    EXCHANGE_PASSIVE,
    EXCHANGE_DURABLE,
    EXCHANGE_AUTO_DELETE,
    EXCHANGE_INTERNAL,
    EXCHANGE_NOWAIT,
    EXCHANGE_ARGUMENTS
};

static void fill_exchange(struct exchange_job *job, const struct arg *args)
{
    job->call.type = call_bytes(job, args[EXCHANGE_TYPE].b);
    job->call.is_durable = args[EXCHANGE_DURABLE].n;
    job->call.is_auto_delete = args[EXCHANGE_AUTO_DELETE].n;
    job->call.is_internal = args[EXCHANGE_INTERNAL].n;
    job->call.arguments = call_bytes(job, args[EXCHANGE_ARGUMENTS].b);
    job->is_silent = args[EXCHANGE_NOWAIT].n;
    job->was_passive = args[EXCHANGE_PASSIVE].n;
}

static void refuse_exchange(struct channel *ch, struct exchange_job *job)
{
    struct buf rs = { 0 };
    struct buf why = { 0 };

    resource_text(&rs, "exchange", job->call.name, amqp_vhost(ch->conn));
    if (!arguments_check_exchange(job->call.arguments, buf_view(&rs), &why))
        job->refusal = call_bytes(job, buf_view(&why));
    buf_fini(&rs);
    buf_fini(&why);
}

void declare_on_exchange_declare(struct channel *ch, const struct arg *args)
{
    uint8_t              stripped[UINT8_MAX];
    struct bytes         name = strip_cr_lf(args[EXCHANGE_NAME].b, stripped);
    struct exchange_job *job;

    if (name.len == 0) {
        channel_fail(ch, REPLY_ACCESS_REFUSED, METHOD_EXCHANGE_DECLARE,
                     "operation not permitted on the default exchange");
        return;
    }
    job = call_new(sizeof *job, CALL_EXCHANGE_DECLARE, loop_mailbox(ch->conn->door->loop),
                   on_exchange_declared, ch);
    fill_exchange(job, args);
    job->call.call.session = ch->conn->session;
    job->call.call.relaxed = job->is_silent;
    job->call.ns = amqp_namespace(ch->conn);
    job->call.name = call_bytes(job, name);
    if (!job->was_passive) {
        job->is_reserved = is_reserved(name);
        refuse_exchange(ch, job);
    }
    job->call.is_passive = job->was_passive || job->is_reserved || !bytes_is_null(job->refusal);
    channel_submit_held(ch, job);
}

/* ---- exchange.delete ---- */

struct exchange_delete_job {
    struct exchange_delete_call call;
    bool                        is_silent;
};

static void fail_system_exchange(struct channel *ch, struct bytes name)
{
    channel_fail_resource(ch, REPLY_ACCESS_REFUSED, METHOD_EXCHANGE_DELETE,
                          "deletion of system %s not allowed", "exchange", name);
}

static void on_exchange_deleted(struct call *call)
{
    struct exchange_delete_job *job = CONTAINER(call, struct exchange_delete_job, call.call);
    struct channel             *ch = call->ctx;

    if (channel_answered(ch, true)) {
        if (call->err == ERR_IN_USE)
            channel_fail_resource(ch, REPLY_PRECONDITION_FAILED, METHOD_EXCHANGE_DELETE,
                                  "%s in use", "exchange", job->call.name);
        else if (call->err == ERR_ACCESS)
            fail_system_exchange(ch, job->call.name);
        else if (call->err && call->err != ERR_NO_EXCHANGE)
            channel_fail_err(ch, call->err, METHOD_EXCHANGE_DELETE);
        else if (!job->is_silent)
            channel_send(ch, METHOD_EXCHANGE_DELETE_OK, NULL);
    }
    channel_done(ch, call);
}

enum {
    EXCHANGE_DELETE_TICKET,
    EXCHANGE_DELETE_NAME,
    EXCHANGE_DELETE_IF_UNUSED,
    EXCHANGE_DELETE_NOWAIT
};

void declare_on_exchange_delete(struct channel *ch, const struct arg *args)
{
    uint8_t                     stripped[UINT8_MAX];
    struct bytes                name = strip_cr_lf(args[EXCHANGE_DELETE_NAME].b, stripped);
    struct exchange_delete_job *job;

    if (name.len == 0) {
        channel_fail(ch, REPLY_ACCESS_REFUSED, METHOD_EXCHANGE_DELETE,
                     "operation not permitted on the default exchange");
        return;
    }
    if (is_reserved(name)) {
        fail_system_exchange(ch, name);
        return;
    }
    job = call_new(sizeof *job, CALL_EXCHANGE_DELETE, loop_mailbox(ch->conn->door->loop),
                   on_exchange_deleted, ch);
    job->is_silent = args[EXCHANGE_DELETE_NOWAIT].n;
    job->call.call.session = ch->conn->session;
    job->call.call.relaxed = job->is_silent;
    job->call.ns = amqp_namespace(ch->conn);
    job->call.name = call_bytes(job, name);
    job->call.if_unused = args[EXCHANGE_DELETE_IF_UNUSED].n;
    channel_submit_held(ch, job);
}
