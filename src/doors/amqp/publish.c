/*
 * publish.c - from basic.publish to basic.ack: a message's content is put together in place,
 * routed by the engine, confirmed.
 *
 *   P1  A message whose content does not pass the checks is read to its end before the channel
 *       fails: clients write method, header and body in one go, and would see a reset instead of
 *       the reason.
 *   P2  Confirm numbers are given out in the order of the messages; a persistent one is answered
 *       when it is on disk, a transient one at once.
 *   P3  A mandatory message that reached nothing is returned before it is confirmed.
 *   P4  While the disk is full a message with a confirm to come is refused by basic.nack. Of one
 *       without, nobody would hear: it waits in the engine for space. A connection with many that
 *       wait is not read any more.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include "doors/amqp/arguments.h"
#include "engine/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    POOL_MAX = 4096,
    EXPIRATION_DIGITS_MAX = 17, /* more cannot be counted in 64 bits, and are too many anyway */
    ROUTING_KEYS_MAX = 1024,    /* CC and BCC of one message */
};

static void on_published(struct call *call);

/* ---- used ones are used again ---- */

static struct publish *publish_take(struct channel *ch)
{
    struct amqp_door *d = ch->conn->door;
    struct list      *node = list_pop(&d->publishes);
    struct publish   *p;

    if (node) {
        p = CONTAINER(node, struct publish, in_list);
        d->publish_count--;
    } else {
        p = mem_new(sizeof *p);
        list_init(&p->in_list);
    }
    call_init(&p->call.call, CALL_PUBLISH, loop_mailbox(d->loop), on_published, ch);
    p->call.ns = amqp_namespace(ch->conn);
    p->call.headers = bytes_of(NULL, 0);
    p->call.key_count = 0;
    p->call.message_id = p->call.correlation_id = bytes_of(NULL, 0);
    p->call.timestamp = 0;
    p->call.routed = 0;
    p->sequence = 0;
    return p;
}

void publish_discard(struct amqp_door *d, struct publish *p)
{
    slice_drop(&p->copy);
    call_fini(&p->call.call);
    if (d->publish_count == POOL_MAX) {
        free(p);
        return;
    }
    list_push_front(&d->publishes, &p->in_list);
    d->publish_count++;
}

void publish_free_all(struct amqp_door *d)
{
    struct list *node;

    while ((node = list_pop(&d->publishes)) != NULL)
        free(CONTAINER(node, struct publish, in_list));
}

/* ---- the method ---- */

enum { PUBLISH_TICKET, PUBLISH_EXCHANGE, PUBLISH_KEY, PUBLISH_MANDATORY, PUBLISH_IMMEDIATE };

void publish_on_publish(struct channel *ch, const struct arg *args)
{
    struct publish *p = publish_take(ch);
    struct bytes    exchange = args[PUBLISH_EXCHANGE].b;
    struct bytes    key = args[PUBLISH_KEY].b;

    memcpy(p->names, exchange.at, exchange.len);
    memcpy(p->names + exchange.len, key.at, key.len);
    p->call.exchange = bytes_of(p->names, exchange.len);
    p->call.key = bytes_of(p->names + exchange.len, key.len);
    p->is_mandatory = args[PUBLISH_MANDATORY].n;
    p->is_immediate = args[PUBLISH_IMMEDIATE].n;
    ch->content.publish = p;
    ch->content.want = CONTENT_HEADER;
}

/* ---- checks; the first that fails counts ---- */

__attribute__((format(printf, 3, 4))) static void refuse(struct content *content, enum reply reply,
                                                         const char *format, ...)
{
    char    text[512];
    va_list ap;

    if (content->is_refused)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    content->is_refused = true;
    content->refusal_reply = reply;
    buf_clear(&content->refusal);
    buf_add(&content->refusal, text, strlen(text) + 1);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* RabbitMQ's words for what its number reader and its limit (ten years) think of it. */
static void check_expiration(struct content *content, struct bytes e)
{
    size_t  sign = e.len > 0 && (e.at[0] == '-' || e.at[0] == '+') ? 1 : 0;
    size_t  end = sign;
    int64_t n = 0;
    int     len = (int)e.len;

    if (bytes_is_null(e))
        return;
    while (end < e.len && is_digit(e.at[end])) {
        n = n <= EXPIRY_MS_MAX ? n * 10 + (e.at[end] - '0') : n;
        end++;
    }
    if (end == sign)
        refuse(content, REPLY_PRECONDITION_FAILED, "invalid expiration '%.*s': no_integer", len,
               e.at);
    else if (end < e.len)
        refuse(content, REPLY_PRECONDITION_FAILED,
               "invalid expiration '%.*s': {leftover_string,\"%.*s\"}", len, e.at,
               (int)(e.len - end), e.at + end);
    else if (sign && e.at[0] == '-' && n > 0)
        refuse(content, REPLY_PRECONDITION_FAILED,
               "invalid expiration '%.*s': {value_negative,%.*s}", len, e.at, len, e.at);
    else if (n > EXPIRY_MS_MAX)
        refuse(content, REPLY_PRECONDITION_FAILED,
               "invalid expiration '%.*s': {value_too_large,%.*s}", len, e.at, len, e.at);
}

static void check_user_id(struct content *content, const struct amqp_conn *c, struct bytes user)
{
    if (!bytes_is_null(user) && !bytes_eq(user, c->user) && !c->is_impersonator)
        refuse(content, REPLY_PRECONDITION_FAILED,
               "user_id property set to '%.*s' but authenticated user was '%.*s'", (int)user.len,
               user.at, (int)c->user.len, c->user.at);
}

/* Routing keys beside the one in the method (RabbitMQ's sender-selected distribution). */
static void read_keys(struct content *content, struct publish *p, struct bytes headers,
                      const char *name)
{
    struct table_value  v;
    struct table_reader r;

    if (headers.len == 0 || !table_find(headers, name, &v))
        return;
    if (v.type != 'A') {
        refuse(content, REPLY_PRECONDITION_FAILED,
               "invalid message: {unacceptable_type_in_header,\"%s\",%s}", name,
               arguments_type_name(v.type));
        return;
    }
    if (!p->call.keys || p->call.key_count == 0)
        p->call.keys = arena_array(&p->call.call.arena, ROUTING_KEYS_MAX, sizeof *p->call.keys);
    r = table_open(v.bytes);
    while (p->call.key_count < ROUTING_KEYS_MAX && table_next_element(&r, &v))
        if (v.type == 'S')
            p->call.keys[p->call.key_count++] = call_bytes(p, v.bytes);
}

static void check_message(struct content *content, struct publish *p,
                          const struct properties *properties)
{
    if (p->is_immediate)
        refuse(content, REPLY_NOT_IMPLEMENTED, "immediate=true");
    if (content->body_size > AMQP_MESSAGE_BYTES_MAX)
        refuse(content, REPLY_PRECONDITION_FAILED,
               "message size %" PRIu64 " is larger than configured max size %d", content->body_size,
               AMQP_MESSAGE_BYTES_MAX);
    check_expiration(content, properties->expiration);
    read_keys(content, p, properties->headers, "CC");
    read_keys(content, p, properties->headers, "BCC");
}

/* What a hash exchange may look at. */
static void keep_identity(struct publish *p, const struct properties *properties)
{
    if (!bytes_is_null(properties->message_id))
        p->call.message_id = call_bytes(p, properties->message_id);
    if (!bytes_is_null(properties->correlation_id))
        p->call.correlation_id = call_bytes(p, properties->correlation_id);
    p->call.timestamp = properties->timestamp;
}

/* ---- the content ---- */

void publish_abort(struct channel *ch)
{
    struct content *content = &ch->content;

    if (content->publish)
        publish_discard(ch->conn->door, content->publish);
    content->publish = NULL;
    content->want = CONTENT_NONE;
    content->is_refused = false;
    amqp_record_abort(&content->draft);
}

static void complete(struct channel *ch)
{
    struct content *content = &ch->content;
    struct publish *p = content->publish;

    if (content->is_refused) {
        enum reply  reply = content->refusal_reply;
        const char *text = (const char *)content->refusal.at;

        publish_abort(ch);
        channel_fail(ch, reply, METHOD_BASIC_PUBLISH, "%s", text);
        return;
    }
    content->publish = NULL;
    content->want = CONTENT_NONE;
    p->call.batch = amqp_record_close(&content->draft);
    p->call.headers = amqp_record_headers(&content->draft, p->call.batch.bytes);
    p->bytes = (uint32_t)p->call.batch.bytes.len;
    if (p->is_mandatory)
        p->copy = slice_hold(p->call.batch);
    if (ch->tx.is_on)
        tx_add_publish(ch, p);
    else
        publish_submit(ch, p);
}

static void open_record(struct channel *ch, struct bytes raw, const struct properties *properties)
{
    const struct publish *p = ch->content.publish;

    amqp_record_open(&ch->content.draft,
                     &(struct record_parts){ .exchange = p->call.exchange,
                                             .key = p->call.key,
                                             .raw = raw,
                                             .properties = *properties,
                                             .now_ms = ch->conn->wall_ms,
                                             .body_len = ch->content.body_size },
                     &ch->conn->door->mint);
}

/* A request whose answer is to come to this channel's reply consumer. */
static void open_request(struct channel *ch, struct bytes raw, const struct properties *properties)
{
    struct properties rewritten;
    struct buf        b = { 0 };

    if (!ch->reply) {
        refuse(&ch->content, REPLY_PRECONDITION_FAILED, "fast reply consumer does not exist");
        return;
    }
    reply_rewrite(ch, raw, properties->reply_to, &b);
    if (properties_decode(buf_view(&b), &rewritten)) /* as it did before */
        open_record(ch, buf_view(&b), &rewritten);
    buf_fini(&b);
}

static void begin_body(struct channel *ch, const struct content_head *head,
                       const struct properties *properties)
{
    struct content *content = &ch->content;
    struct publish *p = content->publish;

    content->body_size = content->body_left = head->body_size;
    content->want = CONTENT_BODY;
    check_message(content, p, properties);
    check_user_id(content, ch->conn, properties->user_id);
    keep_identity(p, properties);
    if (!content->is_refused && reply_is_address(properties->reply_to))
        open_request(ch, head->raw, properties);
    else if (!content->is_refused)
        open_record(ch, head->raw, properties);
    if (ch->confirms_on && !content->is_refused)
        p->sequence = confirms_add(&ch->confirms);
    p->call.call.relaxed =
        !ch->tx.is_on && !(ch->confirms_on && properties->delivery_mode == DELIVERY_PERSISTENT);
    if (content->body_left == 0)
        complete(ch);
}

void publish_on_header(struct channel *ch, struct bytes payload)
{
    enum method_id      at = METHOD_BASIC_PUBLISH;
    struct content_head head;
    struct properties   properties;

    if (!content_head_decode(payload, &head) || !properties_decode(head.raw, &properties))
        channel_fail(ch, REPLY_FRAME_ERROR, at, "cannot decode the content header");
    else if (head.class_id != CLASS_BASIC)
        channel_fail(ch, REPLY_UNEXPECTED_FRAME, at,
                     "expected content header for class 60, got one for class %u instead",
                     head.class_id);
    else if (head.weight != 0)
        channel_fail(ch, REPLY_UNEXPECTED_FRAME, at,
                     "expected content header for class 60, got non content header frame instead");
    else if (head.body_size > AMQP_ANNOUNCED_BYTES_MAX)
        channel_fail(ch, REPLY_FRAME_ERROR, at,
                     "content body size %" PRIu64 " exceeds maximum allowed size %d",
                     head.body_size, AMQP_ANNOUNCED_BYTES_MAX);
    else
        begin_body(ch, &head, &properties);
}

void publish_on_body(struct channel *ch, struct bytes payload)
{
    struct content *content = &ch->content;

    if (payload.len > content->body_left) {
        channel_fail(ch, REPLY_FRAME_ERROR, METHOD_BASIC_PUBLISH,
                     "content body frame exceeds remaining content size");
        return;
    }
    content->body_left -= payload.len;
    if (!content->is_refused)
        amqp_record_add(&content->draft, payload);
    if (content->body_left == 0)
        complete(ch);
}

/* ---- to the engine and back ---- */

static bool has_many_out(const struct amqp_conn *c, bool is_full)
{
    return c->publishes_out >= (is_full ? AMQP_WAITING_MAX : AMQP_PUBLISHES_MAX) ||
           c->publish_bytes_out >= (is_full ? AMQP_WAITING_BYTES_MAX : AMQP_PUBLISHED_BYTES_MAX);
}

void publish_submit(struct channel *ch, struct publish *p)
{
    struct amqp_conn *c = ch->conn;
    bool              is_full = gate_is_full(c->door->gate);

    p->call.call.session = c->session;
    p->call.waits_for_space = p->sequence == 0; /* P4 */
    c->publishes_out++;
    c->publish_bytes_out += p->bytes;
    if (is_full)
        alarm_raise(c);
    if (has_many_out(c, is_full))
        amqp_conn_hold(c, HOLD_PUBLISHES);
    ch->calls++;
    amqp_conn_submit(c, &p->call.call);
}

static void confirm(struct channel *ch, const struct publish *p, bool is_ack)
{
    if (p->sequence == 0)
        return;
    confirms_answer(&ch->confirms, p->sequence, is_ack);
    if (list_empty(&ch->in_told))
        list_push(&ch->conn->told, &ch->in_told);
}

/* What is known to have been refused is a nack; what may or may not be on disk is not (DESIGN, "outcome unknown"). */
void publish_answer(struct channel *ch, const struct publish *p)
{
    enum err err = p->call.call.err;

    if (err == ERR_NO_SPACE)
        alarm_raise(ch->conn);
    switch ((int)err) {
    case ERR_OK:
        if (p->is_mandatory && p->call.routed == 0)
            deliver_return(ch, p);
        confirm(ch, p, true);
        break;
    case ERR_NO_EXCHANGE:
        channel_fail_resource(ch, REPLY_NOT_FOUND, METHOD_BASIC_PUBLISH, "no %s", "exchange",
                              p->call.exchange);
        break;
    case ERR_ACCESS:
        channel_fail_resource(ch, REPLY_ACCESS_REFUSED, METHOD_BASIC_PUBLISH,
                              "cannot publish to internal %s", "exchange", p->call.exchange);
        break;
    case ERR_NO_SPACE:
    case ERR_OVERLOADED:
    case ERR_LIMIT:
    case ERR_TOO_BIG:
        if (p->sequence != 0)
            confirm(ch, p, false);
        else
            channel_fail_err(ch, err, METHOD_BASIC_PUBLISH);
        break;
    default:
        channel_fail_err(ch, err, METHOD_BASIC_PUBLISH);
    }
}

static void on_published(struct call *call)
{
    struct publish   *p = CONTAINER(call, struct publish, call.call);
    struct channel   *ch = call->ctx;
    struct amqp_conn *c = ch->conn;
    bool              is_heard = channel_answered(ch, false);

    c->publishes_out--;
    c->publish_bytes_out -= p->bytes;
    if (c->publishes_out < AMQP_PUBLISHES_MAX / 2 &&
        c->publish_bytes_out < AMQP_PUBLISHED_BYTES_MAX / 2)
        amqp_conn_release(c, HOLD_PUBLISHES);
    if (c->publishes_out == 0)
        amqp_conn_release(c, HOLD_CLOSE);
    if (is_heard)
        publish_answer(ch, p);
    publish_discard(c->door, p);
    channel_done(ch, NULL);
}

/* ---- confirms ---- */

static void tell(void *ctx, uint64_t tag, bool multiple, bool is_ack)
{
    channel_send(ctx, is_ack ? METHOD_BASIC_ACK : METHOD_BASIC_NACK,
                 (struct arg[]){ ARG_N(tag), ARG_N(multiple),
                                 ARG_N(1) }); /* requeue, of a nack: RabbitMQ sets it */
}

void publish_tell_confirms(struct channel *ch)
{
    list_remove(&ch->in_told);
    if (confirms_news(&ch->confirms))
        confirms_tell(&ch->confirms, tell, ch);
}

void publish_on_confirm_select(struct channel *ch, const struct arg *args)
{
    if (ch->tx.is_on) {
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_CONFIRM_SELECT,
                     "cannot switch from tx to confirm mode");
        return;
    }
    ch->confirms_on = true;
    if (!args[0].n)
        channel_send(ch, METHOD_CONFIRM_SELECT_OK, NULL);
}
