/* tally.c - see tally.h. */
#include "engine/tally.h"
#include "engine/exchange_int.h"
#include "engine/queue_int.h"

static void add_topics(const struct engine *e, struct tally *t)
{
    const struct topic *topic;
    size_t              at = 0;

    t->topics = e->topics.count;
    while ((topic = map_next(&e->topics, &at)) != NULL) {
        t->logs += topic->log_count;
        for (uint32_t i = 0; i < topic->log_count; i++)
            t->log_bytes += topic->logs[i]->bytes;
    }
}

static void add_queues(const struct engine *e, struct tally *t)
{
    const struct queue *q;
    size_t              at = 0;

    t->queues = e->queues.count;
    while ((q = map_next(&e->queues, &at)) != NULL) {
        t->ready += q->ledger.ready_count;
        t->leased += q->ledger.leased_count;
        t->delayed += q->ledger.delayed_count;
        t->routed += q->ledger.routed;
        for (size_t i = 0; i < FATE_COUNT; i++)
            t->fates[i] += q->ledger.fates[i];
    }
}

static void add_exchanges(const struct engine *e, struct tally *t)
{
    const struct exchanges *x;
    size_t                  at = 0;

    while ((x = map_next(&e->namespaces, &at)) != NULL)
        t->exchanges += x->by_name.count;
}

void tally_on_tally(struct engine *e, struct call *c)
{
    struct tally *t = &((struct tally_call *)c)->tally;

    *t = (struct tally){
        .consumers = e->consumers.count,
        .groups = e->groups.count,
        .users = e->users.count,
        .pending_bytes = journal_pending_bytes(e->journal),
        .journal_bytes = journal_end(e->journal) - journal_start(e->journal),
    };
    add_topics(e, t);
    add_queues(e, t);
    add_exchanges(e, t);
    engine_answer(e, c, ERR_OK);
}
