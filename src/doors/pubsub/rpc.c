/* rpc.c - see rpc.h. */
#include "doors/pubsub/rpc.h"

#include "doors/pubsub/door_int.h"
#include "doors/pubsub/errors.h"
#include "doors/pubsub/methods.h"
#include "doors/pubsub/page.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void free_when_over(struct rpc *r)
{
    struct pubsub_door *d = r->door;

    if (r->stream || r->call_count > 0)
        return;
    timer_stop(loop_timers(d->env.loop), &r->timer);
    list_remove(&r->in_door);
    grpc_reader_fini(&r->reader);
    arena_fini(&r->arena);
    free(r);
    door_on_rpc_gone(d);
}

static void forget_received(struct rpc *r)
{
    grpc_reader_fini(&r->reader);
    r->door->received_bytes -= r->received_bytes;
    r->received_bytes = 0;
}

/* ---- answers ---- */

/* The handler hears once that nobody listens any more, whether it answered or the client went. */
static void tell_closed(struct rpc *r)
{
    if (r->is_closed_told)
        return;
    r->is_closed_told = true;
    if (r->method && r->method->on_closed)
        r->method->on_closed(r);
}

static void set_answered(struct rpc *r)
{
    assert(r->state != RPC_ANSWERED);
    r->state = RPC_ANSWERED;
    forget_received(r);
    tell_closed(r);
}

void rpc_send_headers(struct rpc *r)
{
    const struct h2_field fields[] = {
        { ":status", bytes_str("200") },
        { "content-type", bytes_str("application/grpc") },
        { "grpc-accept-encoding", bytes_str(GRPC_ACCEPT_ENCODING) },
    };

    if (!r->stream || r->has_headers)
        return;
    r->has_headers = true;
    h2_respond(r->stream, fields, COUNT(fields), false);
}

void rpc_begin_message(struct buf *out)
{
    buf_grow(out, GRPC_PREFIX_BYTES);
}

void rpc_send(struct rpc *r, struct buf *out)
{
    assert(out->len >= GRPC_PREFIX_BYTES);
    grpc_prefix(out->at, out->len - GRPC_PREFIX_BYTES);
    if (r->stream && r->state != RPC_ANSWERED) {
        rpc_send_headers(r);
        h2_send(r->stream, ps_slice_take(out));
    }
    buf_fini(out);
}

/* Headers and status in one when nothing was sent before ("trailers only"), else trailers. */
static void send_status(struct rpc *r, enum grpc_code code, struct bytes text)
{
    char                  number[12];
    struct buf            encoded;
    struct h2_field       fields[5] = {
        { ":status", bytes_str("200") },
        { "content-type", bytes_str("application/grpc") },
        { "grpc-accept-encoding", bytes_str(GRPC_ACCEPT_ENCODING) },
    };
    size_t first = r->has_headers ? 3 : 0;
    size_t count = 3;

    if (text.len > GRPC_STATUS_TEXT_BYTES_MAX)
        text.len = GRPC_STATUS_TEXT_BYTES_MAX;
    buf_init(&encoded);
    grpc_percent_encode(&encoded, text);
    snprintf(number, sizeof number, "%d", (int)code);
    fields[count++] = (struct h2_field){ "grpc-status", bytes_str(number) };
    if (text.len > 0)
        fields[count++] = (struct h2_field){ "grpc-message", buf_view(&encoded) };
    if (r->has_headers)
        h2_trailers(r->stream, fields + first, count - first);
    else
        h2_respond(r->stream, fields, count, true);
    r->has_headers = true;
    buf_fini(&encoded);
}

static void finish(struct rpc *r, enum grpc_code code, struct bytes text)
{
    if (!r->stream || r->state == RPC_ANSWERED)
        return;
    send_status(r, code, text);
    set_answered(r);
}

void rpc_finish(struct rpc *r)
{
    rpc_send_headers(r);
    finish(r, GRPC_OK, bytes_of(NULL, 0));
}

void rpc_reply(struct rpc *r, const ProtobufCMessage *m)
{
    struct buf out;

    if (!r->stream || r->state == RPC_ANSWERED)
        return;
    buf_init(&out);
    rpc_begin_message(&out);
    ps_encode(&out, m);
    rpc_send(r, &out);
    rpc_finish(r);
}

void rpc_reply_empty(struct rpc *r)
{
    PB(Empty) empty = GOOGLE__PUBSUB__V1__EMPTY__INIT;

    rpc_reply(r, &empty.base);
}

void rpc_fail(struct rpc *r, enum grpc_code code, const char *format, ...)
{
    char    text[GRPC_STATUS_TEXT_BYTES_MAX];
    va_list args;
    int     n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n >= (int)sizeof text)
        n = (int)sizeof text - 1;
    finish(r, code, bytes_of(text, n > 0 ? (size_t)n : 0));
}

static void fail_name(struct rpc *r, const char *full)
{
    struct buf text;

    buf_init(&text);
    ps_name_fault(&text, full);
    finish(r, GRPC_INVALID_ARGUMENT, buf_view(&text));
    buf_fini(&text);
}

void rpc_fail_argument(struct rpc *r, const char *argument)
{
    rpc_fail(r, GRPC_INVALID_ARGUMENT, "You have passed an invalid argument to the service (argument=%s).", argument);
}

void rpc_fail_err(struct rpc *r, enum err err)
{
    struct buf     text;
    enum grpc_code code;

    if (err == ERR_CANCELLED && r->door->is_closing)
        err = ERR_SHUTDOWN; /* the door ended its session, not the client its call: come again */
    buf_init(&text);
    code = ps_error(err, r->name.id, &text);
    if (code == GRPC_NOT_FOUND && r->name.id.at && !ps_id_is_valid(r->name.id))
        fail_name(r, (const char *)r->name.full.at);
    else
        finish(r, code, buf_view(&text));
    buf_fini(&text);
}

bool rpc_passes(struct rpc *r, enum grpc_code code, struct buf *why)
{
    if (code != GRPC_OK)
        rpc_fail(r, code, "%.*s", (int)why->len, (const char *)why->at);
    buf_fini(why);
    return code == GRPC_OK;
}

void rpc_end(struct rpc *r, void *call, enum err err, const ProtobufCMessage *m)
{
    if (err)
        rpc_fail_err(r, err);
    else if (m)
        rpc_reply(r, m);
    else
        rpc_reply_empty(r);
    rpc_call_free(r, call);
}

void rpc_on_done(struct call *c)
{
    rpc_end(c->ctx, c, c->err, NULL);
}

/* ---- for handlers ---- */

bool rpc_take_name(struct rpc *r, const char *full, enum ps_collection collection)
{
    if (ps_name_parse(full, collection, r->door->env.default_project, &r->name))
        return true;
    fail_name(r, full);
    return false;
}

bool rpc_take_project(struct rpc *r, const char *full)
{
    if (ps_project_parse(full, r->door->env.default_project, &r->name))
        return true;
    fail_name(r, full);
    return false;
}

bool rpc_is_new_name(struct rpc *r)
{
    if (ps_id_is_valid(r->name.id))
        return true;
    fail_name(r, (const char *)r->name.full.at);
    return false;
}

bool rpc_take_page(struct rpc *r, int32_t size, const char *token)
{
    r->user = ps_page_new(&r->arena, size, token);
    if (!r->user)
        rpc_fail_argument(r, size < 0 ? "page_size" : "page_token");
    return r->user != NULL;
}

void *rpc_call_new(struct rpc *r, size_t size, enum call_kind kind, call_done_fn *done)
{
    struct call *c = call_new(size, kind, loop_mailbox(r->door->env.loop), done, r);

    c->session = r->door->session;
    c->tag = r->tag;
    return c;
}

void rpc_submit(struct rpc *r, void *call)
{
    r->call_count++;
    gate_submit(r->door->env.gate, call);
}

void rpc_call_free(struct rpc *r, void *call)
{
    assert(r->call_count > 0);
    call_free(call);
    r->call_count--;
    free_when_over(r);
}

int64_t rpc_time_left_ms(const struct rpc *r, int64_t most_ms)
{
    int64_t left;

    if (r->deadline_ms == INT64_MAX)
        return most_ms;
    left = r->deadline_ms - loop_now_ms(r->door->env.loop);
    if (left < 0)
        return 0;
    return left < most_ms ? left : most_ms;
}

/* ---- from the HTTP/2 listener ---- */

static void on_deadline(struct timer *t, int64_t now_ms)
{
    (void)now_ms;
    rpc_fail(CONTAINER(t, struct rpc, timer), GRPC_DEADLINE_EXCEEDED, "The deadline has passed.");
}

static void take_deadline(struct rpc *r)
{
    struct bytes text = h2_header(r->stream, "grpc-timeout");
    int64_t      ms;

    if (bytes_is_null(text))
        return;
    if (!grpc_timeout_parse(text, &ms)) {
        rpc_fail(r, GRPC_INTERNAL, "The grpc-timeout header is malformed.");
        return;
    }
    r->deadline_ms = loop_now_ms(r->door->env.loop) + ms;
    if (r->method->kind == RPC_STREAMING)
        timer_start(loop_timers(r->door->env.loop), &r->timer, r->deadline_ms);
}

/* What is not gRPC at all gets an HTTP status; false: answered. */
static bool is_grpc(struct rpc *r)
{
    struct bytes type = h2_header(r->stream, "content-type");
    const char  *status = "415";

    if (bytes_eq_str(h2_header(r->stream, ":method"), "POST")) {
        if (bytes_starts(type, "application/grpc"))
            return true;
    } else {
        status = "405";
    }
    h2_respond(r->stream, &(struct h2_field){ ":status", bytes_str(status) }, 1, true);
    r->has_headers = true;
    set_answered(r);
    return false;
}

static void take_encoding(struct rpc *r)
{
    enum grpc_encoding encoding;
    struct bytes       text = h2_header(r->stream, "grpc-encoding");

    if (grpc_encoding_parse(text, &encoding))
        r->reader.encoding = encoding;
    else
        rpc_fail(r, GRPC_UNIMPLEMENTED, "The message encoding '%.*s' is not supported.",
                 text.len > 40 ? 40 : (int)text.len, (const char *)text.at);
}

void rpc_open(struct pubsub_door *d, struct h2_stream *s)
{
    struct rpc  *r = mem_new(sizeof *r);
    struct bytes path = h2_header(s, ":path");

    r->door = d;
    r->stream = s;
    r->tag = ++d->last_tag;
    r->deadline_ms = INT64_MAX;
    r->timer.fire = on_deadline;
    grpc_reader_init(&r->reader, GRPC_IDENTITY);
    arena_init(&r->arena);
    list_push(&d->rpcs, &r->in_door);
    h2_set_user(s, r);
    if (!is_grpc(r))
        return;
    r->method = ps_method_find(path);
    if (!r->method) {
        rpc_fail(r, GRPC_UNIMPLEMENTED, "Method %.*s is not implemented.",
                 path.len > 200 ? 200 : (int)path.len, (const char *)path.at);
        return;
    }
    take_encoding(r);
    if (r->state != RPC_ANSWERED)
        take_deadline(r);
    if (r->state != RPC_ANSWERED && r->method->kind == RPC_STREAMING)
        rpc_send_headers(r);
}

static void fail_decode(struct rpc *r, enum ps_decode_result result)
{
    static const char *const texts[] = {
        [PS_MALFORMED] = "The request is not a valid protobuf message.",
        [PS_NOT_UTF8] = "The request is malformed: string field contains invalid UTF-8.",
        [PS_TOO_MANY_PARTS] = "The request has too many parts.",
    };

    rpc_fail(r, GRPC_INVALID_ARGUMENT, "%s", texts[result]);
}

/* A unary request is kept until the client half-closes: only then is it the only one. */
static void take_unary(struct rpc *r, struct bytes message)
{
    enum ps_decode_result result;

    if (r->request) {
        rpc_fail(r, GRPC_INTERNAL, "More than one message came for a unary call.");
        return;
    }
    r->request_bytes = message.len;
    result = ps_decode(&r->arena, r->method->request, message, &r->request);
    if (result != PS_DECODED)
        fail_decode(r, result);
}

static void take_streamed(struct rpc *r, struct bytes message)
{
    struct arena          a;
    ProtobufCMessage     *request;
    enum ps_decode_result result;

    arena_init(&a);
    result = ps_decode(&a, r->method->request, message, &request);
    r->state = RPC_RUNNING;
    if (result == PS_DECODED)
        r->method->on_request(r, request);
    else
        fail_decode(r, result);
    arena_fini(&a);
}

static void take_messages(struct rpc *r)
{
    struct bytes message;

    while (r->state != RPC_ANSWERED && grpc_reader_next(&r->reader, &message)) {
        if (r->method->kind == RPC_UNARY)
            take_unary(r, message);
        else
            take_streamed(r, message);
    }
    if (r->state != RPC_ANSWERED && r->reader.fault != GRPC_OK)
        rpc_fail(r, r->reader.fault, "%s", r->reader.fault_text);
}

void rpc_on_data(struct rpc *r, struct bytes data)
{
    struct pubsub_door *d = r->door;

    if (r->state == RPC_ANSWERED)
        return; /* net tells the client to stop (http2.h, h2_trailers) */
    if (data.len > PS_RECEIVED_BYTES_MAX - d->received_bytes) {
        rpc_fail(r, GRPC_RESOURCE_EXHAUSTED, "Too many requests are under way.");
        return;
    }
    grpc_reader_feed(&r->reader, data);
    take_messages(r);
    if (r->state == RPC_ANSWERED)
        return;
    /* What is still there waits for the rest of its message. */
    d->received_bytes -= r->received_bytes;
    r->received_bytes = grpc_reader_waiting(&r->reader);
    d->received_bytes += r->received_bytes;
}

void rpc_on_end(struct rpc *r)
{
    if (r->state == RPC_ANSWERED)
        return;
    if (grpc_reader_waiting(&r->reader) > 0) {
        rpc_fail(r, GRPC_INTERNAL, "The request ends inside a message.");
    } else if (r->method->kind == RPC_STREAMING) {
        r->method->on_half_closed(r);
    } else if (!r->request) {
        rpc_fail(r, GRPC_INTERNAL, "The request has no message.");
    } else {
        forget_received(r);
        r->state = RPC_RUNNING;
        r->method->on_request(r, r->request);
    }
}

void rpc_on_writable(struct rpc *r)
{
    if (r->state != RPC_ANSWERED && r->method->on_writable)
        r->method->on_writable(r);
}

/* P4 */
static void on_cancelled(struct call *c)
{
    rpc_call_free(c->ctx, c);
}

void rpc_on_closed(struct rpc *r)
{
    r->stream = NULL;
    forget_received(r);
    timer_stop(loop_timers(r->door->env.loop), &r->timer);
    tell_closed(r);
    if (r->call_count > 0 && r->method->may_park)
        rpc_submit(r, rpc_call_new(r, sizeof(struct call), CALL_CANCEL, on_cancelled));
    free_when_over(r);
}
