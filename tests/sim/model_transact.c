/* model_transact.c - see model_transact.h. */
#include "model_transact.h"
#include "base/mem.h"
#include "model_group.h"
#include "world.h"

#include <stdlib.h>

struct m_transaction *model_new_transaction(struct model *m)
{
    struct m_transaction *t = mem_new(sizeof *t);

    t->next = m->transactions;
    m->transactions = t;
    return t;
}

void model_free_transactions(struct model *m)
{
    while (m->transactions) {
        struct m_transaction *t = m->transactions;

        m->transactions = t->next;
        free(t);
    }
}

static bool is_final(const struct m_ending *x)
{
    return x->action != SETTLE_RELEASE && x->action != SETTLE_EXTEND;
}

/* It took effect, so the message is settled, unless its lease might have been left out. */
static void end_it(struct model *m, const struct m_transaction *t, const struct m_ending *x,
                   struct m_held *h)
{
    if (x->gone_ok && x->foreseen != WILL)
        return;
    if (h->fate == OPEN)
        violation(m->world, "a transaction happens whole or not at all",
                  "call %llu: its records are there, queue %s/%u offset %llu is not settled",
                  (unsigned long long)t->number, x->queue->name, x->lease.partition,
                  (unsigned long long)x->lease.offset);
    h->fate = GONE;
    h->gone_turn = m->world->turn;
}

static void decide_ending(struct model *m, const struct m_transaction *t,
                          const struct m_ending *x, bool is_there)
{
    struct m_held *h = model_held(m, x->queue, x->lease.partition, x->lease.offset);

    if (x->queue->gone || x->queue->detached || !is_final(x))
        return;
    if (is_there) {
        end_it(m, t, x, h);
    } else if (h->fate == MAYBE_GONE && h->fate_number == t->number && x->foreseen == WILL) {
        h->fate = OPEN; /* as it surely was before */
        h->is_doubted = false;
    }
}

static void decide(struct model *m, struct m_transaction *t)
{
    size_t there = 0;
    size_t away = 0;

    for (size_t i = 0; i < t->batch_count; i++) {
        there += t->batches[i]->outcome == DONE;
        away += t->batches[i]->outcome == NEVER && t->batches[i]->target_count > 0;
    }
    if (t->slot) {
        there += model_commit_is_there(t->slot, t->number);
        away += model_commit_is_away(m, t->slot, t->number);
    }
    if (there > 0 && away > 0)
        violation(m->world, "a transaction happens whole or not at all",
                  "call %llu: of its batches and offsets %zu are there, %zu are not",
                  (unsigned long long)t->number, there, away);
    if (there == 0 && away == 0) /* nobody can tell */
        return;
    if (away > 0 && t->is_durable && t->foreseen == WILL)
        violation(m->world, "what is durable is so with all before it", "call %llu did not happen",
                  (unsigned long long)t->number);
    for (size_t i = 0; i < t->batch_count; i++)
        if (t->batches[i]->outcome == UNKNOWN)
            t->batches[i]->outcome = there > 0 ? DONE : NEVER;
    for (size_t i = 0; i < t->ending_count; i++)
        decide_ending(m, t, &t->endings[i], there > 0);
    if (t->slot)
        model_commit_decide(t->slot, t->number, there > 0);
    t->is_lost = false;
}

void model_decide_transactions(struct model *m)
{
    for (struct m_transaction *t = m->transactions; t; t = t->next)
        if (t->is_lost)
            decide(m, t);
}
