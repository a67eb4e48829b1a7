/*
 * deliver.c - messages on their way to the client: method, header and body frames laid out into
 * shared blocks.
 *
 * All deliveries of a turn, to whatever consumer, are written one behind the other into one block
 * and leave as slices of it; a body that is large is not copied but sent as a slice of the batch
 * it is stored in.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include "doors/amqp/frame.h"

#include <assert.h>

enum {
    OUT_BLOCK_BYTES = 256 * 1024,
    BODY_COPY_MAX = 4096, /* a larger body is sent from where it is */
};

/* Room for n bytes in the door's block; a full one is left to the slices that hold it. */
static uint8_t *out_room(struct amqp_door *d, size_t n)
{
    size_t cap = n > OUT_BLOCK_BYTES ? n : OUT_BLOCK_BYTES;

    if (d->out && atomic_load_explicit(&d->out->refs, memory_order_acquire) == 1)
        d->out_used = 0;
    if (!d->out || d->out->cap - d->out_used < n) {
        block_drop(d->out);
        d->out = block_new(cap);
        d->out_used = 0;
    }
    return d->out->at + d->out_used;
}

/* Sends what was written from the room's beginning up to end. */
static void out_send(struct amqp_conn *c, const uint8_t *end)
{
    struct amqp_door *d = c->door;
    uint8_t          *at = d->out->at + d->out_used;
    size_t            n = (size_t)(end - at);

    d->out_used += n;
    c->said = true;
    c->link->send(c->to, slice_of(block_hold(d->out), at, n));
}

static uint8_t *put_bytes(uint8_t *at, struct bytes b)
{
    if (b.len > 0)
        memcpy(at, b.at, b.len);
    return at + b.len;
}

static uint8_t *put_short(uint8_t *at, struct bytes b)
{
    *at = (uint8_t)b.len;
    return put_bytes(at + 1, b);
}

static uint8_t *put_method(uint8_t *at, enum method_id id)
{
    put_u16(at, methods[id].class_id);
    put_u16(at + 2, methods[id].method_id);
    return at + 4;
}

/* What stands in front of a content: the method with its own arguments. */
struct content_method {
    enum method_id id;
    struct bytes   tag;      /* deliver */
    uint64_t       delivery; /* deliver, get-ok */
    bool           redelivered;
    uint64_t       message_count; /* get-ok */
};

enum { METHOD_BYTES_MAX = FRAME_OVERHEAD + 4 + 3 * (1 + UINT8_MAX) + 2 * 8 + 1 };

static uint8_t *put_method_frame(uint8_t *at, uint16_t channel, const struct content_method *cm,
                                 const struct record_message *m)
{
    uint8_t *start = at;

    at = put_method(at + FRAME_HEAD_BYTES, cm->id);
    if (cm->id == METHOD_BASIC_DELIVER)
        at = put_short(at, cm->tag);
    if (cm->id == METHOD_BASIC_RETURN) {
        static const char text[] = "NO_ROUTE";

        put_u16(at, reply_code(REPLY_NO_ROUTE));
        at = put_short(at + 2, bytes_of(text, sizeof text - 1));
    } else {
        put_u64(at, cm->delivery);
        at[8] = cm->redelivered;
        at += 9;
    }
    at = put_short(at, m->exchange);
    at = put_short(at, m->key);
    if (cm->id == METHOD_BASIC_GET_OK) {
        put_u32(at, cm->message_count < UINT32_MAX ? (uint32_t)cm->message_count : UINT32_MAX);
        at += 4;
    }
    frame_put_head(start, FRAME_METHOD, channel, (size_t)(at - start) - FRAME_HEAD_BYTES);
    *at = FRAME_END;
    return at + 1;
}

static uint8_t *put_header_frame(uint8_t *at, uint16_t channel, const struct record_message *m)
{
    at = frame_put_head(at, FRAME_HEADER, channel, CONTENT_HEAD_BYTES + m->properties.len);
    put_u16(at, CLASS_BASIC);
    put_u16(at + 2, 0);
    put_u64(at + 4, m->body.len);
    at = put_bytes(at + CONTENT_HEAD_BYTES, m->properties);
    *at = FRAME_END;
    return at + 1;
}

/* The body where it is stored, between frame heads of ours; at is behind the header frame, not sent yet. */
static void send_large_body(struct amqp_conn *c, uint16_t channel, uint8_t *at, struct bytes body,
                            struct block *block)
{
    size_t piece_max = c->frame_max - FRAME_OVERHEAD;

    while (body.len > 0) {
        size_t n = body.len < piece_max ? body.len : piece_max;

        at = frame_put_head(at, FRAME_BODY, channel, n);
        out_send(c, at);
        c->link->send(c->to, slice_of(block_hold(block), body.at, n));
        body = bytes_of(body.at + n, body.len - n);
        at = out_room(c->door, FRAME_OVERHEAD);
        *at++ = FRAME_END;
    }
    out_send(c, at);
}

static uint8_t *put_body_frames(uint8_t *at, uint16_t channel, struct bytes body, size_t piece_max)
{
    while (body.len > 0) {
        size_t n = body.len < piece_max ? body.len : piece_max;

        at = frame_put_head(at, FRAME_BODY, channel, n);
        at = put_bytes(at, bytes_of(body.at, n));
        *at++ = FRAME_END;
        body = bytes_of(body.at + n, body.len - n);
    }
    return at;
}

/* Whether the body lies in the block, and not in a buffer it was inflated to. */
static bool lies_in(struct bytes body, struct bytes batch)
{
    return body.at >= batch.at && body.at + body.len <= batch.at + batch.len;
}

static void send_content(struct channel *ch, const struct content_method *cm,
                         const struct record_message *m, const struct slice *batch)
{
    struct amqp_conn *c = ch->conn;
    size_t head = METHOD_BYTES_MAX + FRAME_OVERHEAD + CONTENT_HEAD_BYTES + m->properties.len;
    size_t piece_max = c->frame_max - FRAME_OVERHEAD;
    bool   is_large = m->body.len > BODY_COPY_MAX && batch->block && lies_in(m->body, batch->bytes);
    size_t frames = m->body.len / piece_max + 1;
    size_t room = head + FRAME_OVERHEAD * frames + (is_large ? 0 : m->body.len);
    uint8_t *at = out_room(c->door, room);

    at = put_method_frame(at, ch->number, cm, m);
    at = put_header_frame(at, ch->number, m);
    if (is_large)
        send_large_body(c, ch->number, at, m->body, batch->block);
    else
        out_send(c, put_body_frames(at, ch->number, m->body, piece_max));
}

static bool read_message(struct amqp_conn *c, const struct message_ref *m, struct bytes queue,
                         struct record_message *out)
{
    return m->batch.bytes.len > 0 &&
           amqp_record_read(&c->door->reader, m->batch.bytes, (int32_t)(m->offset - m->base_offset),
                            queue, c->frame_max - FRAME_OVERHEAD, out);
}

bool deliver_message(struct consumer *k, const struct message_ref *m)
{
    struct channel       *ch = k->channel;
    struct record_message message;

    if (!read_message(ch->conn, m, k->queue, &message))
        return false;
    send_content(ch,
                 &(struct content_method){ .id = METHOD_BASIC_DELIVER,
                                           .tag = k->tag,
                                           .delivery = ++ch->last_tag,
                                           .redelivered = m->attempts > 1 },
                 &message, &m->batch);
    return true;
}

bool deliver_got(struct channel *ch, const struct message_ref *m, struct bytes queue,
                 uint64_t ready_count)
{
    struct record_message message;

    if (!read_message(ch->conn, m, queue, &message))
        return false;
    send_content(ch,
                 &(struct content_method){ .id = METHOD_BASIC_GET_OK,
                                           .delivery = ++ch->last_tag,
                                           .redelivered = m->attempts > 1,
                                           .message_count = ready_count },
                 &message, &m->batch);
    return true;
}

void deliver_return(struct channel *ch, const struct publish *p)
{
    struct amqp_conn     *c = ch->conn;
    struct record_message message;

    if (amqp_record_read(&c->door->reader, p->copy.bytes, 0, p->call.key,
                         c->frame_max - FRAME_OVERHEAD, &message))
        send_content(ch, &(struct content_method){ .id = METHOD_BASIC_RETURN }, &message, &p->copy);
}
