/* model_keep.c - see model_keep.h. */
#include "model_keep.h"
#include "base/mem.h"
#include "model_txn.h"
#include "world.h"

#include <stdlib.h>

/* ---- policies ---- */

static void lower(int64_t *least, int64_t ms)
{
    if (ms > 0 && (*least == 0 || ms < *least))
        *least = ms;
}

void m_topic_set_policy(struct m_topic *t, const struct topic_policy *p)
{
    struct m_loss *loss = &t->loss;

    t->policy = *p;
    loss->kinds |= 1u << p->retention;
    lower(&loss->age_ms, p->retention_ms);
    lower(&loss->bytes, p->retention_bytes);
    if (!p->is_compacted)
        return;
    if (!loss->is_compacted || p->delete_retention_ms < loss->tombstone_ms)
        loss->tombstone_ms = p->delete_retention_ms;
    if (!loss->is_compacted || p->min_compaction_lag_ms < loss->lag_ms)
        loss->lag_ms = p->min_compaction_lag_ms;
    loss->is_compacted = true;
}

bool m_topic_is_policy(const struct topic_policy *a, const struct topic_policy *b)
{
    return a->retention == b->retention && a->time_basis == b->time_basis &&
           a->retention_ms == b->retention_ms && a->retention_bytes == b->retention_bytes &&
           a->stamps_append == b->stamps_append && a->is_compacted == b->is_compacted &&
           a->delete_retention_ms == b->delete_retention_ms &&
           a->min_compaction_lag_ms == b->min_compaction_lag_ms &&
           a->max_compaction_lag_ms == b->max_compaction_lag_ms &&
           a->segment_ms == b->segment_ms && a->segment_bytes == b->segment_bytes &&
           a->dirty_ratio == b->dirty_ratio;
}

bool m_topic_is_timed(const struct m_topic *t)
{
    return t->loss.kinds == 1u << RETAIN_TIME;
}

bool m_topic_loses(const struct m_topic *t)
{
    const struct m_loss *loss = &t->loss;

    return loss->is_trimmed || loss->is_compacted || loss->age_ms > 0 || loss->bytes > 0;
}

bool m_topic_refuses(struct model *m, const struct m_topic *t, const struct m_batch *b)
{
    for (uint32_t i = 0; t->policy.is_compacted && i < b->count; i++)
        if (model_key(m, b->first_id + i) == 0)
            return true;
    return false;
}

/* ---- what else is in a log ---- */

static bool goes_to(const struct m_batch *b, const struct m_log *l)
{
    for (uint32_t i = 0; i < b->target_count; i++)
        if (b->targets[i].topic == l->topic &&
            (b->targets[i].partition < 0 || (uint32_t)b->targets[i].partition == l->partition))
            return true;
    return false;
}

/* Where the batch lies; -1: nobody knows. */
static int64_t base_in(const struct m_batch *b, const struct m_log *l)
{
    for (uint32_t i = 0; i < b->target_count; i++)
        if (b->targets[i].topic == l->topic && b->targets[i].partition == (int32_t)l->partition)
            return b->targets[i].base;
    return -1;
}

/* It lies behind the offset, or may. */
static bool may_be_behind(const struct m_batch *b, const struct m_log *l, uint64_t offset)
{
    int64_t base = base_in(b, l);

    if (b->outcome == NEVER || !goes_to(b, l))
        return false;
    return base < 0 || (uint64_t)base + b->count > offset + 1;
}

/* At most so many bytes lie behind the batch in which the offset is. */
static uint64_t bytes_behind(struct model *m, const struct m_log *l, uint64_t offset)
{
    const struct m_batch *mine = model_batch_of(m, m_log_id(l, offset));
    uint64_t              bytes = m_log_marker_bytes(m, l);

    for (uint64_t id = 1; id <= m->last_id; id += m->batches[id]->count)
        if (m->batches[id] != mine && may_be_behind(m->batches[id], l, offset))
            bytes += m->batches[id]->bytes;
    return bytes;
}

static bool has_later_of_key(struct model *m, const struct m_log *l, uint64_t offset, unsigned key)
{
    for (uint64_t id = 1; id <= m->last_id; id++) {
        const struct m_batch *b = m->batches[id];
        int64_t               base = base_in(b, l);

        if (m->keys[id] == key && m_batch_counts(b) && may_be_behind(b, l, offset) &&
            (base < 0 || (uint64_t)base + (id - b->first_id) > offset))
            return true;
    }
    return false;
}

/* ---- what may go ---- */

static bool is_over_limit(struct model *m, const struct m_log *l, uint64_t offset)
{
    const struct m_loss  *loss = &l->topic->loss;
    const struct m_batch *b = model_batch_of(m, m_log_id(l, offset));

    if (loss->age_ms > 0 && (!b || b->made_ms + loss->age_ms < m->world->now_ms))
        return true;
    return loss->bytes > 0 && bytes_behind(m, l, offset) >= (uint64_t)loss->bytes;
}

static bool may_be_compacted(struct model *m, const struct m_log *l, uint64_t offset)
{
    const struct m_loss  *loss = &l->topic->loss;
    uint64_t              id = m_log_id(l, offset);
    const struct m_batch *b = model_batch_of(m, id);
    unsigned              key = model_key(m, id);

    if (!loss->is_compacted)
        return false;
    if (!b)
        return true;
    if (b->made_ms + loss->lag_ms > m->world->now_ms)
        return false;
    if (key == 0 || !m_batch_is_committed(b))
        return true;
    if (model_is_tombstone(m, id) && b->first_ms + loss->tombstone_ms <= m->world->now_ms)
        return true;
    return has_later_of_key(m, l, offset, key);
}

bool m_log_may_lose(struct model *m, const struct m_log *l, uint64_t offset)
{
    enum { FOR_ALL = 1u << RETAIN_TIME | 1u << RETAIN_UNTIL_SETTLED };

    return offset < l->start || offset < l->trim_asked || may_be_compacted(m, l, offset) ||
           ((l->topic->loss.kinds & FOR_ALL) && is_over_limit(m, l, offset));
}

/* The queue surely needs it. */
static bool needs(struct model *m, struct m_queue *q, const struct m_log *l, uint64_t offset)
{
    if (q->topic != l->topic || !m_queue_is(q) || q->detached)
        return false;
    return model_held(m, q, l->partition, offset)->fate == OPEN &&
           m_queue_presence(m, q, l->partition, offset) == IN &&
           !m_queue_may_expire(m, q, l->partition, offset);
}

static const struct m_queue *needed_by(struct model *m, const struct m_log *l, uint64_t offset)
{
    for (size_t i = 0; i < m->queue_count; i++)
        if (needs(m, m->queues[i], l, offset))
            return m->queues[i];
    return NULL;
}

/* It is gone: something must explain that. */
static void check_gone(struct model *m, const struct m_log *l, uint64_t offset)
{
    unsigned              kinds = l->topic->loss.kinds;
    bool                  is_kept_for_queues = kinds & 1u << RETAIN_UNTIL_SETTLED ||
                              (kinds & 1u << RETAIN_BOTH && is_over_limit(m, l, offset));
    const struct m_queue *q;

    if (m->world->may_be_damaged || m_log_may_lose(m, l, offset))
        return;
    if (!is_kept_for_queues)
        violation(m->world, "what has not expired is kept", "%s/%u: offset %llu is gone",
                  l->topic->name, l->partition, (unsigned long long)offset);
    q = needed_by(m, l, offset);
    if (q)
        violation(m->world, "what a queue needs is kept",
                  "%s/%u offset %llu is gone, queue %s has not settled it", l->topic->name,
                  l->partition, (unsigned long long)offset, q->name);
}

/* ---- what was seen ---- */

void holes_add(struct m_holes *h, uint64_t from, uint64_t end)
{
    if (from >= end)
        return;
    if (h->count == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 16;
        h->at = mem_resize(h->at, h->cap * sizeof *h->at);
    }
    h->at[h->count++] = (struct m_hole){ from, end };
}

void model_check_holes(struct model *m, struct m_log *l, struct m_holes *h)
{
    for (size_t i = 0; i < h->count; i++)
        for (uint64_t offset = h->at[i].from; offset < h->at[i].end; offset++) {
            check_gone(m, l, offset);
            m->world->counts.holes++;
        }
    free(h->at);
    *h = (struct m_holes){ 0 };
}

void model_saw_start(struct model *m, struct m_log *l, uint64_t start)
{
    if (start <= l->start)
        return;
    TRACE(m->world, "%s/%u begins at %llu, not at %llu any more", l->topic->name, l->partition,
          (unsigned long long)start, (unsigned long long)l->start);
    for (uint64_t offset = l->start; offset < start; offset++)
        check_gone(m, l, offset);
    m->world->counts.trimmed += start - l->start;
    l->start = start;
    l->start_turn = m->world->turn;
}

void model_saw_all(struct model *m, struct m_log *l, uint64_t start, uint64_t end,
                   struct m_holes *h)
{
    if (l->end > end)
        violation(m->world, "acknowledged is there",
                  "%s/%u ends at %llu, record %llu was at %llu", l->topic->name, l->partition,
                  (unsigned long long)end, (unsigned long long)l->ids[l->end - 1],
                  (unsigned long long)(l->end - 1));
    if (start < l->start)
        violation(m->world, "a log's start never goes back", "%s/%u starts at %llu, not %llu",
                  l->topic->name, l->partition, (unsigned long long)start,
                  (unsigned long long)l->start);
    m_log_make_room(l, end);
    model_check_holes(m, l, h);
    if (m->world->may_be_damaged) /* what cannot be read goes, there and nowhere else */
        return;
    model_saw_start(m, l, start);
    l->trim_asked = start; /* nothing is under way */
}
