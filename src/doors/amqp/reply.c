/*
 * reply.c - direct reply-to: a request names amq.rabbitmq.reply-to, and the answer comes to the
 * consumer that its channel has of that name, without a queue that anybody declared.
 *
 *     consume amq.rabbitmq.reply-to    a queue amq.rabbitmq.reply-to.RANDOM is made and consumed
 *     publish, reply-to the address    the property becomes the queue's name
 *     publish to "" by that name       from any channel, or by any door: the answer
 *     cancel, or the channel ends      the queue goes, and with it whoever answers too late
 *
 * The queue is exclusive, transient and auto-delete, and known only to who was told its name.
 * RabbitMQ routes to the channel instead and has no queue; clients see no difference.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#define ADDRESS "amq.rabbitmq.reply-to"
#define PREFIX ADDRESS "."

bool reply_is_address(struct bytes name)
{
    return bytes_eq_str(name, ADDRESS);
}

bool reply_is_queue(struct bytes name)
{
    return bytes_starts(name, PREFIX);
}

bool reply_check(struct channel *ch, bool no_ack)
{
    if (!no_ack)
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_BASIC_CONSUME,
                     "reply consumer cannot acknowledge");
    else if (ch->reply)
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_BASIC_CONSUME,
                     "reply consumer already set");
    return no_ack && !ch->reply;
}

/* When it could not be made the subscription behind it says so. */
static void on_made(struct call *call)
{
    channel_answered(call->ctx, false);
    channel_done(call->ctx, call);
}

struct bytes reply_make_queue(struct channel *ch, char name[RANDOM_NAME_MAX])
{
    struct queue_declare_call *c = call_new(sizeof *c, CALL_QUEUE_DECLARE,
                                            loop_mailbox(ch->conn->door->loop), on_made, ch);

    c->call.session = ch->conn->session;
    c->call.relaxed = true;
    c->ns = amqp_namespace(ch->conn);
    c->name = call_bytes(c, channel_random_name(ch, PREFIX, name));
    c->is_exclusive = c->is_auto_delete = true;
    c->door = DOOR_AMQP;
    channel_submit(ch, c);
    return bytes_of(name, c->name.len);
}

void reply_rewrite(const struct channel *ch, struct bytes raw, struct bytes reply_to,
                   struct buf *out)
{
    const uint8_t *end = raw.at + raw.len;
    struct bytes   name = ch->reply->queue;

    buf_add(out, raw.at, (size_t)(reply_to.at - raw.at) - 1); /* up to its length octet */
    buf_u8(out, (uint8_t)name.len);
    buf_bytes(out, name);
    buf_add(out, reply_to.at + reply_to.len, (size_t)(end - (reply_to.at + reply_to.len)));
}

void reply_send_there(struct channel *ch, struct bytes name, bool is_silent)
{
    if (!is_silent)
        channel_send(ch, METHOD_QUEUE_DECLARE_OK,
                     (struct arg[]){ ARG_B(name), ARG_N(0), ARG_N(1) });
}
