/*
 * tx.c - transactions as RabbitMQ has them: publishes and settles of a channel wait here for
 * commit, then go to the engine in that order; commit-ok follows when all of it is on disk.
 *
 *   T1  Returns of unroutable messages come before commit-ok.
 *   T2  A rollback forgets the publishes and gives the settled deliveries back to the client as
 *       unsettled.
 *   T3  Nothing may come between: the channel is held while a commit is out.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include <stdlib.h>

enum { SETTLES_FIRST = 16 };

void tx_add_publish(struct channel *ch, struct publish *p)
{
    struct tx *tx = &ch->tx;

    if (tx->bytes + p->bytes > AMQP_TX_BYTES_MAX) {
        slice_drop(&p->call.batch);
        publish_discard(ch->conn->door, p);
        channel_fail(ch, REPLY_RESOURCE_ERROR, METHOD_BASIC_PUBLISH,
                     "transaction is larger than %d bytes", AMQP_TX_BYTES_MAX);
        return;
    }
    tx->bytes += p->bytes;
    list_push(&tx->publishes, &p->in_list);
}

void tx_add_settle(struct channel *ch, uint64_t tag, struct lease lease, enum settle_action action,
                   bool is_free)
{
    struct tx *tx = &ch->tx;

    if (tx->settle_count == tx->settle_cap) {
        tx->settle_cap = tx->settle_cap ? 2 * tx->settle_cap : SETTLES_FIRST;
        tx->settles = mem_resize(tx->settles, tx->settle_cap * sizeof *tx->settles);
    }
    tx->settles[tx->settle_count++] = (struct tx_settle){ tag, lease, action, is_free };
}

static void drop_publishes(struct channel *ch)
{
    struct list *node;

    while ((node = list_pop(&ch->tx.publishes)) != NULL) {
        struct publish *p = CONTAINER(node, struct publish, in_list);

        slice_drop(&p->call.batch);
        publish_discard(ch->conn->door, p);
    }
    ch->tx.bytes = 0;
}

/* What was settled in an unfinished transaction goes back with the rest. */
void tx_fini(struct channel *ch)
{
    drop_publishes(ch);
    if (ch->conn->state == AMQP_RUNNING)
        for (size_t i = 0; i < ch->tx.settle_count; i++)
            settle_add(ch->conn, ch->tx.settles[i].lease, SETTLE_RELEASE, true);
    free(ch->tx.settles);
    ch->tx.settles = NULL;
    ch->tx.settle_count = ch->tx.settle_cap = 0;
}

void tx_on_select(struct channel *ch, const struct arg *args)
{
    (void)args;
    if (ch->confirms_on) {
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_TX_SELECT,
                     "cannot switch from confirm to tx mode");
        return;
    }
    ch->tx.is_on = true;
    channel_send(ch, METHOD_TX_SELECT_OK, NULL);
}

/* ---- commit ---- */

static void one_answered(struct channel *ch)
{
    struct tx *tx = &ch->tx;

    if (--tx->pending > 0)
        return;
    if (!channel_answered(ch, true))
        return;
    if (tx->failed)
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_TX_COMMIT, "partial tx completion");
    else
        channel_send(ch, METHOD_TX_COMMIT_OK, NULL);
}

void tx_publish_answered(struct channel *ch, enum err err)
{
    ch->tx.failed = ch->tx.failed || err != ERR_OK;
    one_answered(ch);
}

struct tx_job {
    struct settle_call call;
    struct settle_item items[];
};

static void on_settled(struct call *call)
{
    struct channel *ch = call->ctx;

    (void)channel_answered(ch, false);
    one_answered(ch);
    channel_done(ch, call);
}

/* A run of settles that count alike; returns how many. */
static size_t submit_settles(struct channel *ch, const struct tx_settle *from, size_t count)
{
    size_t         n = 0;
    struct tx_job *job;

    while (n < count && from[n].is_free == from[0].is_free)
        n++;
    job = call_new(sizeof *job + n * sizeof *job->items, CALL_SETTLE,
                   loop_mailbox(ch->conn->door->loop), on_settled, ch);
    for (size_t i = 0; i < n; i++)
        job->items[i] = (struct settle_item){ .lease = from[i].lease, .action = from[i].action };
    job->call.call.session = ch->conn->session;
    job->call.requeue_free = from[0].is_free;
    job->call.item_count = n;
    job->call.items = job->items;
    ch->tx.pending++;
    channel_submit(ch, job);
    return n;
}

void tx_on_commit(struct channel *ch, const struct arg *args)
{
    struct tx   *tx = &ch->tx;
    struct list *node;

    (void)args;
    if (!tx->is_on) {
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_TX_COMMIT,
                     "channel is not transactional");
        return;
    }
    tx->failed = false;
    tx->pending = 1; /* this function */
    ch->held++;
    while ((node = list_pop(&tx->publishes)) != NULL) {
        struct publish *p = CONTAINER(node, struct publish, in_list);

        p->is_tx = true;
        tx->pending++;
        publish_submit(ch, p);
    }
    tx->bytes = 0;
    for (size_t i = 0; i < tx->settle_count;)
        i += submit_settles(ch, tx->settles + i, tx->settle_count - i);
    tx->settle_count = 0;
    one_answered(ch);
}

void tx_on_rollback(struct channel *ch, const struct arg *args)
{
    struct tx *tx = &ch->tx;

    (void)args;
    if (!tx->is_on) {
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_TX_ROLLBACK,
                     "channel is not transactional");
        return;
    }
    drop_publishes(ch);
    for (size_t i = 0; i < tx->settle_count; i++)
        unacked_add_back(&ch->unacked, tx->settles[i].tag, tx->settles[i].lease);
    if (tx->settle_count > 0)
        unacked_sort(&ch->unacked);
    tx->settle_count = 0;
    channel_send(ch, METHOD_TX_ROLLBACK_OK, NULL);
}
