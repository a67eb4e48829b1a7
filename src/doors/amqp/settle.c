/*
 * settle.c - ack, nack, reject, recover: the client's word on its deliveries, gathered into one
 * engine call per turn.
 *
 * A tag that is not outstanding is an error of the channel (RabbitMQ's "unknown delivery tag");
 * it is known here, so settles need no answer. RabbitMQ counts a reject with requeue as an
 * attempt and a nack with requeue not; the two never share a call.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include <stdlib.h>

enum { SETTLES_FIRST = 64, SETTLES_MAX = 65536 };

struct settle_job {
    struct settle_call call;
    struct settle_item items[];
};

static void on_settled(struct call *call)
{
    struct amqp_conn *c = call->ctx;

    call_free(call);
    amqp_conn_answered(c);
}

void settle_flush(struct amqp_conn *c)
{
    struct settle_job *job;
    size_t             bytes = c->settle_count * sizeof *c->settles;

    if (c->settle_count == 0)
        return;
    job = call_new(sizeof *job + bytes, CALL_SETTLE, loop_mailbox(c->door->loop), on_settled, c);
    memcpy(job->items, c->settles, bytes);
    job->call.call.session = c->session;
    job->call.call.relaxed = true;
    job->call.requeue_free = c->settles_free;
    job->call.item_count = c->settle_count;
    job->call.items = job->items;
    c->settle_count = 0;
    amqp_conn_submit(c, &job->call.call);
}

void settle_add(struct amqp_conn *c, struct lease lease, enum settle_action action, bool is_free)
{
    if (c->settle_count == SETTLES_MAX || (c->settle_count > 0 && c->settles_free != is_free))
        settle_flush(c);
    if (c->settle_count == c->settle_cap) {
        c->settle_cap = c->settle_cap ? 2 * c->settle_cap : SETTLES_FIRST;
        c->settles = mem_resize(c->settles, c->settle_cap * sizeof *c->settles);
    }
    c->settles_free = is_free;
    c->settles[c->settle_count++] = (struct settle_item){ .lease = lease, .action = action };
}

/* What is done with each delivery that a method names. */
struct settling {
    struct channel    *channel;
    enum settle_action action;
    bool               is_free;
};

static void settle_one(void *ctx, uint64_t tag, struct lease lease)
{
    struct settling *s = ctx;

    if (s->channel->tx.is_on)
        tx_add_settle(s->channel, tag, lease, s->action, s->is_free);
    else
        settle_add(s->channel->conn, lease, s->action, s->is_free);
}

static void settle(struct channel *ch, enum method_id at, uint64_t tag, bool multiple,
                   struct settling how)
{
    how.channel = ch;
    if (!unacked_take(&ch->unacked, tag, multiple, settle_one, &how))
        channel_fail(ch, REPLY_PRECONDITION_FAILED, at, "unknown delivery tag %llu",
                     (unsigned long long)tag);
}

void settle_on_ack(struct channel *ch, const struct arg *args)
{
    settle(ch, METHOD_BASIC_ACK, args[0].n, args[1].n, (struct settling){ .action = SETTLE_ACK });
}

void settle_on_nack(struct channel *ch, const struct arg *args)
{
    bool requeue = args[2].n;

    settle(ch, METHOD_BASIC_NACK, args[0].n, args[1].n,
           (struct settling){ .action = requeue ? SETTLE_RELEASE : SETTLE_REJECT,
                              .is_free = requeue });
}

void settle_on_reject(struct channel *ch, const struct arg *args)
{
    settle(ch, METHOD_BASIC_REJECT, args[0].n, false,
           (struct settling){ .action = args[1].n ? SETTLE_RELEASE : SETTLE_REJECT });
}

static void release_one(void *ctx, uint64_t tag, struct lease lease)
{
    struct channel *ch = ctx;

    (void)tag;
    settle_add(ch->conn, lease, SETTLE_RELEASE, true);
}

void settle_release_all(struct channel *ch)
{
    (void)unacked_take(&ch->unacked, 0, true, release_one, ch);
}

static bool recover(struct channel *ch, enum method_id at, bool requeue)
{
    if (!requeue) {
        channel_fail(ch, REPLY_NOT_IMPLEMENTED, at, "requeue=false");
        return false;
    }
    settle_release_all(ch);
    return true;
}

void settle_on_recover(struct channel *ch, const struct arg *args)
{
    if (recover(ch, METHOD_BASIC_RECOVER, args[0].n))
        channel_send(ch, METHOD_BASIC_RECOVER_OK, NULL);
}

void settle_on_recover_async(struct channel *ch, const struct arg *args)
{
    (void)recover(ch, METHOD_BASIC_RECOVER_ASYNC, args[0].n);
}
