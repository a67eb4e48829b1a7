/*
 * channel.c - the life of a channel, and the way of a frame to its handler.
 *
 *           client closes                last consumer gone: close-ok
 *   OPEN ------------------> CLOSING ---------------------------------> DEAD --last call answered--> freed
 *     \ soft error: close sent                          close-ok read   /
 *      `-------------------> FAILED -----------------------------------'
 *
 *   K1  A number is free again when close-ok was sent or received. The channel itself stays for
 *       the calls that are out.
 *   K2  In FAILED all but close and close-ok is ignored, but nothing is out of step: contents are
 *       not parsed either.
 *   K3  Whatever way it ends, its consumers end and what it holds goes back in one step, before
 *       close-ok goes out.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include "doors/amqp/frame.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- finding, making, freeing ---- */

struct channel *channel_find(struct amqp_conn *c, uint16_t number)
{
    if (!c->latest || c->latest->number != number)
        c->latest = idmap_get(&c->channels, number);
    return c->latest;
}

static struct channel *channel_new(struct amqp_conn *c, uint16_t number)
{
    struct channel *ch = mem_new(sizeof *ch);

    ch->conn = c;
    ch->number = number;
    list_init(&ch->in_told);
    list_init(&ch->in_zombies);
    list_init(&ch->tx.publishes);
    idmap_put(&c->channels, number, ch);
    return ch;
}

void channel_free(struct channel *ch)
{
    struct consumer *k;
    size_t           at = 0;

    publish_abort(ch);
    amqp_record_draft_fini(&ch->content.draft);
    buf_fini(&ch->content.refusal);
    while ((k = map_next(&ch->consumers, &at)) != NULL)
        consume_free(k);
    map_fini(&ch->consumers);
    tx_fini(ch);
    unacked_fini(&ch->unacked);
    confirms_fini(&ch->confirms);
    list_remove(&ch->in_told);
    list_remove(&ch->in_zombies);
    free(ch);
}

/* K1. */
static void die(struct channel *ch)
{
    struct amqp_conn *c = ch->conn;

    idmap_remove(&c->channels, ch->number);
    c->latest = NULL;
    ch->state = CHANNEL_DEAD;
    list_remove(&ch->in_told);
    if (ch->calls == 0)
        channel_free(ch);
    else
        list_push(&c->zombies, &ch->in_zombies);
}

bool channel_is_open(const struct channel *ch)
{
    return ch->state == CHANNEL_OPEN && ch->conn->state == AMQP_RUNNING;
}

/* ---- calls ---- */

void channel_submit(struct channel *ch, void *call)
{
    settle_flush(ch->conn);
    ch->calls++;
    amqp_conn_submit(ch->conn, call);
}

void channel_submit_held(struct channel *ch, void *call)
{
    ch->held++;
    channel_submit(ch, call);
}

bool channel_answered(struct channel *ch, bool is_held)
{
    struct amqp_conn *c = ch->conn;

    amqp_conn_touch(c);
    if (is_held && --ch->held == 0 && c->held_by == ch) {
        c->held_by = NULL;
        amqp_conn_release(c, HOLD_CHANNEL);
    }
    return channel_is_open(ch);
}

void channel_done(struct channel *ch, void *call)
{
    struct amqp_conn *c = ch->conn;

    if (call)
        call_free(call);
    assert(ch->calls > 0);
    if (--ch->calls == 0 && ch->state == CHANNEL_DEAD)
        channel_free(ch);
    amqp_conn_answered(c);
}

void channel_send(struct channel *ch, enum method_id id, const struct arg *args)
{
    amqp_conn_send(ch->conn, ch->number, id, args);
}

/* ---- names ---- */

struct bytes channel_last_queue(const struct channel *ch)
{
    return bytes_of(ch->last_queue, ch->last_queue_len);
}

void channel_set_last_queue(struct channel *ch, struct bytes name)
{
    ch->last_queue_len = (uint8_t)name.len;
    memcpy(ch->last_queue, name.at, name.len);
}

struct bytes channel_queue_arg(struct channel *ch, struct bytes name, enum method_id at)
{
    if (name.len > 0)
        return name;
    if (ch->last_queue_len > 0)
        return channel_last_queue(ch);
    channel_fail(ch, REPLY_NOT_FOUND, at, "no previously declared queue");
    return bytes_of(NULL, 0);
}

/* splitmix64 (Steele, Lea, Flood): each call another number, none twice. */
static uint64_t next_random(struct amqp_door *d)
{
    uint64_t v = d->seed += 0x9e3779b97f4a7c15ull;

    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
    v = (v ^ v >> 27) * 0x94d049bb133111ebull;
    return v ^ v >> 31;
}

struct bytes channel_random_name(struct channel *ch, const char *prefix, char out[RANDOM_NAME_MAX])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    enum { DIGITS = 22, DIGITS_PER_NUMBER = 10 };
    uint64_t random = 0;
    size_t   n = strlen(prefix);

    assert(n + DIGITS <= RANDOM_NAME_MAX);
    memcpy(out, prefix, n);
    for (size_t i = 0; i < DIGITS; i++) {
        random = i % DIGITS_PER_NUMBER == 0 ? next_random(ch->conn->door) : random >> 6;
        out[n + i] = digits[random % 64];
    }
    return bytes_of(out, n + DIGITS);
}

/* ---- the end ---- */

/* K3. */
static void tear_down(struct channel *ch)
{
    publish_abort(ch);
    tx_fini(ch);
    settle_release_all(ch);
    settle_flush(ch->conn);
    consume_end_all(ch);
}

void channel_check_closed(struct channel *ch)
{
    if (ch->state != CHANNEL_CLOSING || ch->conn->state != AMQP_RUNNING || ch->consumers.count > 0)
        return;
    settle_flush(ch->conn);
    publish_tell_confirms(ch);
    channel_send(ch, METHOD_CHANNEL_CLOSE_OK, NULL);
    die(ch);
}

static void close_softly(struct channel *ch, enum reply reply, enum method_id at,
                         const char *explanation)
{
    struct buf text = { 0 };

    if (ch->state != CHANNEL_OPEN)
        return;
    publish_tell_confirms(ch);
    reply_text(&text, reply, explanation);
    ch->state = CHANNEL_FAILED;
    channel_send(ch, METHOD_CHANNEL_CLOSE,
                 (struct arg[]){ ARG_N(reply_code(reply)), ARG_B(buf_view(&text)),
                                 ARG_N(methods[at].class_id), ARG_N(methods[at].method_id) });
    buf_fini(&text);
    tear_down(ch);
}

static void fail(struct channel *ch, enum reply reply, enum method_id at, const char *explanation)
{
    if (reply_is_hard(reply))
        amqp_conn_end(ch->conn, reply, at, explanation);
    else
        close_softly(ch, reply, at, explanation);
}

void channel_fail(struct channel *ch, enum reply reply, enum method_id at, const char *format, ...)
{
    char    text[1024];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    fail(ch, reply, at, text);
}

void channel_fail_err(struct channel *ch, enum err err, enum method_id at)
{
    fail(ch, reply_of(err), at, err_text(err));
}

void channel_fail_resource(struct channel *ch, enum reply reply, enum method_id at,
                           const char *format, const char *kind, struct bytes name)
{
    const char *hole = strstr(format, "%s");
    struct buf  text = { 0 };

    assert(hole);
    buf_add(&text, format, (size_t)(hole - format));
    resource_text(&text, kind, name, amqp_vhost(ch->conn));
    buf_str(&text, hole + 2);
    buf_u8(&text, 0);
    fail(ch, reply, at, (const char *)text.at);
    buf_fini(&text);
}

/* ---- frames ---- */

static void on_method(struct channel *ch, enum method_id id, struct bytes payload)
{
    struct arg args[METHOD_ARGS_MAX];

    if (!amqp_conn_decode(ch->conn, id, payload, args))
        return;
    if (methods[id].on_channel)
        methods[id].on_channel(ch, args);
    else
        channel_fail(ch, REPLY_COMMAND_INVALID, id, "unimplemented method");
}

/* A frame on a number that has no channel: only channel.open may be. */
static void open_channel(struct amqp_conn *c, uint8_t type, uint16_t number, enum method_id id,
                         struct bytes payload)
{
    struct arg args[METHOD_ARGS_MAX];

    if (c->channels.count >= c->channel_max)
        amqp_conn_fail(
            c, REPLY_NOT_ALLOWED, METHOD_NONE,
            "number of channels opened (%u) has reached the negotiated channel_max (%u)",
            c->channels.count, c->channel_max);
    else if (type != FRAME_METHOD)
        amqp_conn_fail(c, REPLY_UNEXPECTED_FRAME, METHOD_NONE,
                       "expected method frame, got non method frame instead");
    else if (id != METHOD_CHANNEL_OPEN)
        amqp_conn_fail(c, REPLY_CHANNEL_ERROR, id, "expected 'channel.open'");
    else if (amqp_conn_decode(c, id, payload, args))
        channel_send(channel_new(c, number), METHOD_CHANNEL_OPEN_OK,
                     (struct arg[]){ ARG_B(bytes_str("")) });
}

/* K2; a close that crossed ours is answered. */
static void on_frame_of_closed(struct channel *ch, enum method_id id)
{
    if (id == METHOD_CHANNEL_CLOSE_OK && ch->state == CHANNEL_FAILED)
        die(ch);
    else if (id == METHOD_CHANNEL_CLOSE && ch->state == CHANNEL_FAILED)
        channel_send(ch, METHOD_CHANNEL_CLOSE_OK, NULL);
}

/* A content must be complete before the next method of its channel. */
static bool check_order(struct channel *ch, uint8_t type)
{
    enum method_id at = METHOD_BASIC_PUBLISH;

    switch (ch->content.want) {
    case CONTENT_NONE:
        if (type != FRAME_METHOD)
            channel_fail(ch, REPLY_UNEXPECTED_FRAME, METHOD_NONE,
                         "expected method frame, got non method frame instead");
        return type == FRAME_METHOD;
    case CONTENT_HEADER:
        if (type != FRAME_HEADER)
            channel_fail(
                ch, REPLY_UNEXPECTED_FRAME, at,
                "expected content header for class 60, got non content header frame instead");
        return type == FRAME_HEADER;
    case CONTENT_BODY:
        if (type != FRAME_BODY)
            channel_fail(ch, REPLY_UNEXPECTED_FRAME, at,
                         "expected content body, got non content body frame instead");
        return type == FRAME_BODY;
    }
    return false;
}

void channel_on_frame(struct amqp_conn *c, struct channel *ch, uint8_t type, uint16_t number,
                      struct bytes payload)
{
    bool           is_method = type == FRAME_METHOD;
    enum method_id id =
        is_method ? method_find(get_u16(payload.at), get_u16(payload.at + 2)) : METHOD_NONE;
    struct bytes rest =
        is_method ? bytes_of(payload.at + METHOD_HEAD_BYTES, payload.len - METHOD_HEAD_BYTES)
                  : payload;

    if (!ch) {
        open_channel(c, type, number, id, rest);
        return;
    }
    if (ch->state != CHANNEL_OPEN) {
        on_frame_of_closed(ch, id);
        return;
    }
    if (!check_order(ch, type))
        return;
    if (type == FRAME_HEADER)
        publish_on_header(ch, payload);
    else if (type == FRAME_BODY)
        publish_on_body(ch, payload);
    else
        on_method(ch, id, rest);
}

/* ---- methods ---- */

/* The first one made the channel (open_channel). */
void channel_on_open(struct channel *ch, const struct arg *args)
{
    (void)args;
    channel_fail(ch, REPLY_CHANNEL_ERROR, METHOD_CHANNEL_OPEN, "second 'channel.open' seen");
}

void channel_on_flow(struct channel *ch, const struct arg *args)
{
    if (args[0].n)
        channel_send(ch, METHOD_CHANNEL_FLOW_OK, (struct arg[]){ ARG_N(1) });
    else
        channel_fail(ch, REPLY_NOT_IMPLEMENTED, METHOD_CHANNEL_FLOW, "active=false");
}

void channel_on_close(struct channel *ch, const struct arg *args)
{
    (void)args;
    ch->state = CHANNEL_CLOSING;
    tear_down(ch);
    channel_check_closed(ch);
}

void channel_on_close_ok(struct channel *ch, const struct arg *args)
{
    (void)args;
    channel_fail(ch, REPLY_COMMAND_INVALID, METHOD_CHANNEL_CLOSE_OK, "unimplemented method");
}

void channel_on_access_request(struct channel *ch, const struct arg *args)
{
    (void)args;
    channel_send(ch, METHOD_ACCESS_REQUEST_OK, (struct arg[]){ ARG_N(1) });
}
