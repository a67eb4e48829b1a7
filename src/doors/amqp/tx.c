/*
 * tx.c - transactions as RabbitMQ has them: publishes and settles of a channel wait here for
 * commit, then go to the engine in that order as one CALL_TRANSACT: all of it takes effect or nothing
 * does. commit-ok follows when it is on disk. (RabbitMQ promises this only for one queue.)
 *
 *   T1  Returns of unroutable messages come before commit-ok.
 *   T2  A rollback forgets the publishes and gives the settled deliveries back to the client as
 *       unsettled.
 *   T3  Nothing may come between: the channel is held while a commit is out.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"
#include "engine/transact_calls.h"

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

struct tx_job {
    struct transact_call call; /* first */
    struct list          publishes; /* publish.in_list */
};

/* What it says of each publish, then of the whole. */
static void answer(struct channel *ch, const struct tx_job *job)
{
    const struct transact_call *t = &job->call;

    for (struct list *n = job->publishes.next; n != &job->publishes; n = n->next) {
        struct publish *p = CONTAINER(n, struct publish, in_list);
        bool            is_culprit = t->call.err && t->calls[t->failed] == &p->call.call;

        if (is_culprit || !t->call.err)
            publish_answer(ch, p);
        if (is_culprit)
            return;
    }
    if (t->call.err) {
        channel_fail_err(ch, t->call.err, METHOD_TX_COMMIT);
        return;
    }
    ch->tx.settle_count = 0;
    channel_send(ch, METHOD_TX_COMMIT_OK, NULL);
}

static void on_committed(struct call *call)
{
    struct tx_job  *job = CONTAINER(call, struct tx_job, call.call);
    struct channel *ch = call->ctx;
    struct list    *node;

    if (channel_answered(ch, true))
        answer(ch, job);
    while ((node = list_pop(&job->publishes)) != NULL)
        publish_discard(ch->conn->door, CONTAINER(node, struct publish, in_list));
    channel_done(ch, call);
}

static void add_call(struct tx_job *job, struct call *c)
{
    job->call.calls[job->call.count++] = c;
}

/* A run of settles that count alike; returns how many. A message that is gone meanwhile (its queue was deleted or
 * emptied) is none of the client's business. */
static size_t add_settles(struct channel *ch, struct tx_job *job, const struct tx_settle *from, size_t count)
{
    struct arena       *arena = &job->call.call.arena;
    struct settle_call *call = arena_new(arena, sizeof *call);
    size_t              n = 0;

    while (n < count && from[n].is_free == from[0].is_free)
        n++;
    call_init(&call->call, CALL_SETTLE, loop_mailbox(ch->conn->door->loop), on_committed, ch);
    call->requeue_free = from[0].is_free;
    call->gone_ok = true;
    call->item_count = n;
    call->items = arena_array(arena, n, sizeof *call->items);
    for (size_t i = 0; i < n; i++)
        call->items[i] = (struct settle_item){ .lease = from[i].lease, .action = from[i].action };
    add_call(job, &call->call);
    return n;
}

static size_t count_publishes(const struct tx *tx)
{
    size_t n = 0;

    for (struct list *l = tx->publishes.next; l != &tx->publishes; l = l->next)
        n++;
    return n;
}

/* The settles stay in tx until it is known that they took effect. */
static struct tx_job *gather(struct channel *ch)
{
    struct tx     *tx = &ch->tx;
    struct tx_job *job = call_new(sizeof *job, CALL_TRANSACT, loop_mailbox(ch->conn->door->loop), on_committed, ch);
    struct list   *node;

    list_init(&job->publishes);
    job->call.calls = arena_array(&job->call.call.arena, count_publishes(tx) + tx->settle_count,
                                  sizeof(struct call *));
    while ((node = list_pop(&tx->publishes)) != NULL) {
        list_push(&job->publishes, node);
        add_call(job, &CONTAINER(node, struct publish, in_list)->call.call);
    }
    for (size_t i = 0; i < tx->settle_count;)
        i += add_settles(ch, job, tx->settles + i, tx->settle_count - i);
    tx->bytes = 0;
    return job;
}

void tx_on_commit(struct channel *ch, const struct arg *args)
{
    (void)args;
    if (ch->tx.is_on)
        channel_submit_held(ch, gather(ch));
    else
        channel_fail(ch, REPLY_PRECONDITION_FAILED, METHOD_TX_COMMIT,
                     "channel is not transactional");
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
