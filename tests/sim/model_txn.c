/* model_txn.c - see model_txn.h. */
#include "model_txn.h"
#include "base/mem.h"
#include "model_copy.h"
#include "model_group.h"
#include "world.h"

#include <stdlib.h>

/* What m_log.ids has for a marker: whose it is and what it says. */
static const uint64_t MARKER = 1ull << 62;

const char *txn_id_name(unsigned id)
{
    static const char *const names[TXN_IDS] = { "w0", "w1", "copy" };

    return names[id];
}

void model_begin_txns(struct model *m)
{
    m->txns = mem_new(sizeof *m->txns);
    m->txns->copied_ms = m->world->now_ms;
}

void model_free_txns(struct model *m)
{
    while (m->txns->newest) {
        struct m_txn *t = m->txns->newest;

        m->txns->newest = t->next;
        free(t);
    }
    while (m->txns->grants) {
        struct m_grant *g = m->txns->grants;

        m->txns->grants = g->next;
        free(g);
    }
    free(m->txns);
}

/* ---- what belongs to one ---- */

struct m_txn *model_new_txn(struct model *m, unsigned id, uint64_t init, int64_t producer)
{
    struct m_txn *t = mem_new(sizeof *t);

    *t = (struct m_txn){ .next = m->txns->newest, .id = id, .init = init, .producer = producer };
    m->txns->newest = t;
    return t;
}

void m_txn_add(struct m_txn *t, struct m_batch *b)
{
    struct m_target *to = &b->targets[0];

    b->txn = t;
    t->batches[t->batch_count++] = b;
    to->topic->logs[to->partition].has_txns = true;
}

/* TO1 of the engine: of a slot the latest counts. */
struct m_offer *m_txn_offer(struct m_txn *t, struct m_slot *slot, int64_t offset, uint64_t number)
{
    struct m_offer *o = &t->offers[t->offer_count++];

    *o = (struct m_offer){ slot, offset, number, PENDING };
    return o;
}

static bool is_latest(const struct m_txn *t, const struct m_offer *o)
{
    for (size_t i = (size_t)(o - t->offers) + 1; i < t->offer_count; i++)
        if (t->offers[i].slot == o->slot && t->offers[i].outcome != NEVER)
            return false;
    return true;
}

void model_txn_ask(struct model *m, struct m_txn *t, uint64_t number)
{
    t->asked = number;
    if (t->asked_count == 0)
        t->first_asked = number;
    t->asked_count++;
    t->asked_ms = m->world->now_ms;
    for (size_t i = 0; i < t->offer_count && t->end == TXN_OPEN; i++) {
        struct m_offer *o = &t->offers[i];

        if (o->outcome == NEVER || !is_latest(t, o) || !m_topic_is(o->slot->topic))
            continue;
        model_group_look(m, o->slot->group);
        if (m->groups->at[o->slot->group].forgotten >= o->number)
            o->outcome = UNKNOWN; /* it may have gone with its group meanwhile */
        model_commit_of_txn(o->slot, number, o->offset, t);
    }
}

void model_txn_refused(struct m_txn *t, struct m_offer *o)
{
    o->outcome = NEVER;
    if (t->asked)
        model_committed(o->slot, t->asked, NEVER);
}

void model_txn_group_deleted(struct model *m, unsigned group)
{
    for (struct m_txn *t = m->txns->newest; t; t = t->next)
        for (size_t i = 0; i < t->offer_count; i++)
            if (t->offers[i].slot->group == group && t->offers[i].outcome != NEVER)
                t->offers[i].outcome = UNKNOWN;
}

/* ---- how it ended ---- */

static const char *end_text(enum m_end end)
{
    static const char *const texts[] = { "open", "committed", "aborted" };

    return texts[end];
}

/* Which of several calls committed it nobody can tell, nor whether what is unknown was part of it. */
static enum outcome outcome_of(const struct m_txn *t, const struct m_offer *o, enum m_end end)
{
    if (end == TXN_IS_ABORTED)
        return NEVER;
    return t->asked_count > 1 || o->outcome == UNKNOWN ? UNKNOWN : DONE;
}

void model_txn_ended(struct model *m, struct m_txn *t, enum m_end end, const char *how)
{
    if (m->world->may_be_damaged)
        return;
    if (end == TXN_IS_COMMITTED && !t->asked)
        violation(m->world, "nothing is committed that nobody asked to commit",
                  "transaction of %s (call %llu): %s", txn_id_name(t->id),
                  (unsigned long long)t->init, how);
    if (t->end != TXN_OPEN && t->end != end)
        violation(m->world, "a transaction has one end", "of %s (call %llu): it was %s, and %s",
                  txn_id_name(t->id), (unsigned long long)t->init, end_text(t->end), how);
    if (t->end == end)
        return;
    TRACE(m->world, "transaction of %s (call %llu) is %s: %s", txn_id_name(t->id),
          (unsigned long long)t->init, end_text(end), how);
    t->end = end;
    t->ended = m->world->last_number;
    if (t->id == TXN_ID_COPY && end == TXN_IS_COMMITTED)
        model_copy_touch(m, t->asked_ms);
    for (size_t i = 0; i < t->offer_count; i++) {
        struct m_slot *s = t->offers[i].slot;

        if (is_latest(t, &t->offers[i]))
            model_decide_commits(s, t, outcome_of(t, &t->offers[i], end));
        if (end == TXN_IS_COMMITTED)
            model_group_touch(m, s->group, t->asked_ms);
    }
}

/* ---- who may write ---- */

void model_txn_init(struct model *m, unsigned id, uint64_t number)
{
    m->txns->last_init[id] = number;
}

static void check_grant(struct model *m, const struct m_grant *g)
{
    for (const struct m_grant *x = m->txns->grants; x; x = x->next) {
        if (x->producer == g->producer &&
            (x->id != g->id || x->epoch == g->epoch || (x->epoch > g->epoch) != (x->number > g->number)))
            violation(m->world, "an epoch is given once, and they go up",
                      "%s by call %llu: producer %lld, epoch %d; call %llu gave %s epoch %d",
                      txn_id_name(g->id), (unsigned long long)g->number, (long long)g->producer,
                      g->epoch, (unsigned long long)x->number, txn_id_name(x->id), x->epoch);
    }
}

static void grant(struct model *m, const struct m_grant *given)
{
    struct m_grant *g = mem_new(sizeof *g);

    *g = *given;
    check_grant(m, g);
    g->next = m->txns->grants;
    m->txns->grants = g;
}

/* One that was asked for again, and had happened, is given the same epoch again. */
void model_txn_bumped(struct model *m, unsigned id, uint64_t number, int64_t producer,
                      int16_t epoch)
{
    grant(m, &(struct m_grant){ .id = id,
                                .producer = producer,
                                .epoch = epoch,
                                .number = number,
                                .is_bump = true });
}

void model_txn_granted(struct model *m, unsigned id, uint64_t number, int64_t producer,
                       int16_t epoch)
{
    grant(m, &(struct m_grant){ .id = id, .producer = producer, .epoch = epoch, .number = number });
    for (struct m_txn *t = m->txns->newest; t; t = t->next)
        if (t->id == id && t->init < number && (!t->asked || t->first_asked > number))
            model_txn_ended(m, t, TXN_IS_ABORTED, "its owner was fenced");
}

void model_txn_delivered(struct model *m, const struct m_batch *b)
{
    if (b->txn)
        model_txn_ended(m, b->txn, TXN_IS_COMMITTED, "a queue handed out a record of it");
}

/* ---- markers ---- */

static uint64_t marker_id(const struct batch_head *head, bool is_commit)
{
    return MARKER | (uint64_t)head->producer_id << 20 | (uint64_t)(uint16_t)head->producer_epoch << 1 |
           is_commit;
}

static bool is_marker(uint64_t id)
{
    return id & MARKER;
}

static int64_t producer_of_marker(uint64_t id)
{
    return (int64_t)((id & ~MARKER) >> 20);
}

/* Of the producer, whose last record before the offset is of it; NULL: nobody knows. */
static struct m_txn *ended_by(struct model *m, const struct m_log *l, uint64_t offset,
                              int64_t producer)
{
    while (offset-- > 0) {
        uint64_t              id = l->ids[offset];
        const struct m_batch *b = model_batch_of(m, id);

        if (id == 0 || (is_marker(id) && producer_of_marker(id) == producer))
            return NULL;
        if (b && b->txn && b->txn->producer == producer)
            return b->txn;
    }
    return NULL;
}

void model_see_marker(struct model *m, struct m_log *l, const struct batch_ref *ref,
                      const struct batch_head *head)
{
    bool          is_commit = false;
    struct m_txn *t;

    if (m->world->may_be_damaged) /* a copy of the disk, not the world's own */
        return;
    if (!batch_read_marker(ref->bytes.bytes, &is_commit) || head->record_count != 1)
        violation(m->world, "what is read is whole", "%s/%u offset %llu: no marker",
                  l->topic->name, l->partition, (unsigned long long)ref->base_offset);
    TRACE(m->world, "%s/%u offset %llu: producer %lld %s", l->topic->name, l->partition,
          (unsigned long long)ref->base_offset, (long long)head->producer_id,
          is_commit ? "has committed" : "has aborted");
    m_log_make_room(l, ref->base_offset + 1);
    m_log_put(m, l, ref->base_offset, marker_id(head, is_commit));
    t = ended_by(m, l, ref->base_offset, head->producer_id);
    if (t)
        model_txn_ended(m, t, is_commit ? TXN_IS_COMMITTED : TXN_IS_ABORTED, "a marker says so");
}

/* ---- reading what is committed ---- */

/* As a client does: from its first offset on a producer's records are left out until its marker. */
struct taking {
    const struct read_item *item;
    bool                   *is_used; /* of item.aborted */
    int64_t                *aborting;
    size_t                  aborting_count;
};

static void begin_aborting(struct taking *k, uint64_t last)
{
    for (size_t i = 0; i < k->item->aborted_count; i++)
        if (!k->is_used[i] && k->item->aborted[i].first <= last) {
            k->is_used[i] = true;
            k->aborting[k->aborting_count++] = k->item->aborted[i].producer_id;
        }
}

static bool is_aborting(const struct taking *k, int64_t producer)
{
    for (size_t i = 0; i < k->aborting_count; i++)
        if (k->aborting[i] == producer)
            return true;
    return false;
}

static void stop_aborting(struct taking *k, int64_t producer)
{
    size_t i = 0;

    while (i < k->aborting_count && k->aborting[i] != producer)
        i++;
    if (i < k->aborting_count)
        k->aborting[i] = k->aborting[--k->aborting_count];
}

/* A record of the stored batch is known now. */
static struct m_batch *batch_in(struct model *m, const struct m_log *l, uint64_t from, uint64_t end)
{
    for (; from < end; from++)
        if (model_batch_of(m, m_log_id(l, from)))
            return model_batch_of(m, m_log_id(l, from));
    return NULL;
}

static void take(struct model *m, struct m_log *l, struct taking *k, const struct batch_ref *ref,
                 uint64_t end)
{
    struct batch_head head;
    struct m_batch   *b;
    bool              is_hidden;

    if (batch_head(ref->bytes.bytes, &head) != ERR_OK)
        return; /* model_see_batch has looked at it */
    begin_aborting(k, end - 1);
    if (head.attributes & BATCH_CONTROL) {
        stop_aborting(k, head.producer_id);
        return;
    }
    b = batch_in(m, l, ref->base_offset, end);
    if (!(head.attributes & BATCH_TRANSACTIONAL) || !b || head.record_count == 0) /* it is for its sequence */
        return;
    is_hidden = is_aborting(k, head.producer_id);
    TRACE(m->world, "%s/%u offset %llu: record %llu of producer %lld is shown as %s", l->topic->name,
          l->partition, (unsigned long long)ref->base_offset, (unsigned long long)b->first_id,
          (long long)head.producer_id, is_hidden ? "aborted" : "committed");
    model_txn_ended(m, b->txn, is_hidden ? TXN_IS_ABORTED : TXN_IS_COMMITTED,
                    is_hidden ? "a reader is told to leave it out" : "a reader was shown a record of it");
}

uint64_t model_see_committed(struct model *m, struct m_log *l, const struct read_item *item,
                             struct m_holes *holes)
{
    struct taking k = { .item = item };
    uint64_t      next = item->offset;

    for (size_t i = 0; i < item->aborted_count; i++)
        TRACE(m->world, "%s/%u from %llu: producer %lld has aborted something from %llu on",
              l->topic->name, l->partition, (unsigned long long)next,
              (long long)item->aborted[i].producer_id, (unsigned long long)item->aborted[i].first);
    k.is_used = mem_new(item->aborted_count * sizeof *k.is_used);
    k.aborting = mem_new(item->aborted_count * sizeof *k.aborting);
    for (size_t i = 0; i < item->batch_count; i++) {
        const struct batch_ref *ref = &item->batches[i];

        holes_add(holes, next, ref->base_offset);
        next = model_see_batch(m, l, ref, holes);
        if (ref->base_offset >= item->stable)
            violation(m->world, "readers of what is committed end at what is stable",
                      "%s/%u offset %llu: stable is %llu", l->topic->name, l->partition,
                      (unsigned long long)ref->base_offset, (unsigned long long)item->stable);
        take(m, l, &k, ref, next);
    }
    free(k.is_used);
    free(k.aborting);
    return next;
}

/* ---- all of it or nothing ---- */

/* Its end must be behind the batch, unless the log may have lost that. */
static void check_marker(struct model *m, const struct m_txn *t, const struct m_batch *b)
{
    const struct m_target *to = &b->targets[0];
    const struct m_log    *l = &to->topic->logs[to->partition];

    if (!m_topic_is(to->topic) || to->base < 0 || (uint64_t)to->base < l->start ||
        to->topic->loss.is_compacted)
        return;
    for (uint64_t offset = (uint64_t)to->base + b->count; offset < l->end; offset++) {
        uint64_t id = l->ids[offset];

        if (id == 0 || (is_marker(id) && producer_of_marker(id) == t->producer))
            return; /* model_see_marker has looked at it */
    }
    violation(m->world, "a transaction ends in all of its logs or in none",
              "of %s (call %llu): it is %s, and %s/%u has no marker behind record %llu",
              txn_id_name(t->id), (unsigned long long)t->init, end_text(t->end), to->topic->name,
              to->partition, (unsigned long long)b->first_id);
}

static void check_offers(struct model *m, const struct m_txn *t)
{
    for (size_t i = 0; i < t->offer_count; i++)
        if (is_latest(t, &t->offers[i]) && t->offers[i].outcome == DONE &&
            model_commits_contradict(m, t->offers[i].slot, t))
            violation(m->world, "a transaction happens whole or not at all",
                      "of %s (call %llu): it is %s, its offset %lld is not so", txn_id_name(t->id),
                      (unsigned long long)t->init, end_text(t->end),
                      (long long)t->offers[i].offset);
}

void model_decide_txns(struct model *m)
{
    for (struct m_txn *t = m->txns->newest; t; t = t->next) {
        if (t->end == TXN_OPEN || m->world->may_be_damaged)
            continue;
        for (size_t i = 0; i < t->batch_count; i++)
            check_marker(m, t, t->batches[i]);
        check_offers(m, t);
    }
}

/* ---- what it means to others ---- */

bool m_batch_is_committed(const struct m_batch *b)
{
    return !b->txn || b->txn->end == TXN_IS_COMMITTED;
}

bool m_batch_counts(const struct m_batch *b)
{
    return !b->txn || b->txn->end == TXN_IS_COMMITTED || (b->txn->end == TXN_OPEN && b->txn->asked);
}

static bool holds_back(const struct m_batch *b, const struct m_log *l, uint64_t offset)
{
    const struct m_target *to = &b->targets[0];

    return b->outcome != NEVER && to->topic == l->topic && to->partition == (int32_t)l->partition &&
           (to->base < 0 || (uint64_t)to->base <= offset);
}

bool m_log_is_unstable(struct model *m, const struct m_log *l, uint64_t offset)
{
    const struct m_batch *mine = model_batch_of(m, m_log_id(l, offset));

    if (!l->has_txns)
        return false;
    if (mine && !m_batch_is_committed(mine))
        return true;
    for (const struct m_txn *t = m->txns->newest; t; t = t->next)
        for (size_t i = 0; t->end == TXN_OPEN && i < t->batch_count; i++)
            if (holds_back(t->batches[i], l, offset))
                return true;
    return false;
}

uint64_t m_log_marker_bytes(struct model *m, const struct m_log *l)
{
    uint64_t bytes = 0;

    for (const struct m_txn *t = m->txns->newest; l->has_txns && t; t = t->next)
        bytes += MARKER_BYTES;
    return bytes;
}
