/*
 * model_count.c - see model.h: the law of conservation, with the model's own numbers.
 *
 *     routed = ready + leased + delayed + acked + rejected + expired + evicted + ... (fate.h)
 *
 * The engine asserts that its counters add up; whether they are true it cannot know. Here each of
 * them is held against what clients were told: of each message that was routed to the queue it is
 * known that it must be there, or how it ended, or neither; only the last may be counted under
 * anything.
 */
#include "model_keep.h"
#include "world.h"

/* What its log has lost is gone at once, unless somebody had it: then when it comes back and its turn
 * comes. */
static bool may_be_left(const struct m_queue *q, const struct m_held *h)
{
    return m_topic_loses(q->topic) && (h->seen_max > 0 || !h->is_exact);
}

static void count_one(struct model *m, struct m_queue *q, uint32_t partition, uint64_t offset,
                      struct m_count *c)
{
    const struct m_held *h = model_held(m, q, partition, offset);
    enum presence        in = m_queue_presence(m, q, partition, offset);
    bool                 is_in_log = offset >= q->topic->logs[partition].start;
    bool                 must_be_held = in == IN && h->fate == OPEN && is_in_log &&
                        !m_queue_may_expire(m, q, partition, offset);

    if (in == NOT_IN)
        return;
    c->routed_low += in == IN;
    c->routed_high++;
    c->held_low += must_be_held;
    c->held_high += (is_in_log || may_be_left(q, h)) && h->fate != GONE;
    if (must_be_held)
        TRACE(m->world, "queue %s/%u must hold offset %llu", q->name, partition,
              (unsigned long long)offset);
    else if (in == IN && h->fate == GONE && h->ended != FATE_UNKNOWN)
        c->ended[h->ended]++;
    else
        c->unknown++;
}

void model_count(struct model *m, struct m_queue *q, struct m_count *out)
{
    *out = (struct m_count){ 0 };
    for (uint32_t p = 0; !q->detached && p < q->topic->partition_count; p++)
        for (uint64_t offset = 0; offset < q->topic->logs[p].end; offset++)
            count_one(m, q, p, offset, out);
}

/* The log dropped it before it was settled, or before the queue was made, when others had settled it. */
static bool may_evict(const struct m_queue *q)
{
    return m_topic_loses(q->topic) ||
           (!m_topic_is_timed(q->topic) && !q->made_topic && !q->from_end);
}

/* Whether a message of the queue can have ended like that at all. */
static bool may_have_ended(const struct model *m, const struct m_queue *q, int fate)
{
    switch ((enum fate)fate) {
    case FATE_ACKED:
    case FATE_REJECTED:
    case FATE_DEAD_LETTERED:
        return true;
    case FATE_EXPIRED:
        return q->expiry_ms > 0;
    case FATE_PURGED:
        return q->was_purged;
    case FATE_EVICTED:
        return may_evict(q);
    case FATE_COMPACTED:
        return q->topic->loss.is_compacted;
    case FATE_DAMAGED:
        return m->world->may_be_damaged;
    case FATE_ABORTED: /* markers, too */
        return m->world->plan.has[HAS_TXNS];
    case FATE_COUNT:
        break;
    }
    return false;
}

static uint64_t held_of(const struct queue_view *v)
{
    return v->ready_count + v->leased_count + v->delayed_count;
}

static void check_law(const struct model *m, const struct m_queue *q, const struct queue_view *v)
{
    uint64_t sum = held_of(v);

    for (int f = 0; f < FATE_COUNT; f++)
        sum += v->fates[f];
    if (sum != v->routed_count)
        violation(m->world, "what was routed is there or has a fate",
                  "queue %s: %llu were routed, %llu are", q->name,
                  (unsigned long long)v->routed_count, (unsigned long long)sum);
}

/* What was shown once is on disk, so it only grows. */
static void check_growth(const struct model *m, struct m_queue *q, const struct queue_view *v)
{
    bool is_less = v->routed_count < q->routed_seen;

    for (int f = 0; f < FATE_COUNT; f++)
        is_less |= v->fates[f] < q->fates_seen[f];
    if (is_less)
        violation(m->world, "what is counted stays counted", "queue %s: %llu routed, %llu before",
                  q->name, (unsigned long long)v->routed_count,
                  (unsigned long long)q->routed_seen);
    if (m->world->may_be_damaged) /* a copy of the disk, not the world's own */
        return;
    q->routed_seen = v->routed_count;
    memcpy(q->fates_seen, v->fates, sizeof q->fates_seen);
}

static void check_held(const struct model *m, const struct m_queue *q, const struct queue_view *v,
                       const struct m_count *c)
{
    uint64_t damaged = m->world->may_be_damaged ? v->fates[FATE_DAMAGED] : 0;

    if (held_of(v) + damaged < c->held_low || held_of(v) > c->held_high)
        violation(m->world, "a queue holds what was put in and not taken out",
                  "%s: %llu ready, %llu leased, %llu delayed; at least %llu, at most %llu",
                  q->name, (unsigned long long)v->ready_count,
                  (unsigned long long)v->leased_count, (unsigned long long)v->delayed_count,
                  (unsigned long long)c->held_low, (unsigned long long)c->held_high);
    if (v->routed_count < c->routed_low || v->routed_count > c->routed_high)
        violation(m->world, "a queue counts what was routed to it",
                  "%s: %llu; at least %llu, at most %llu", q->name,
                  (unsigned long long)v->routed_count, (unsigned long long)c->routed_low,
                  (unsigned long long)c->routed_high);
}

static void check_fates(const struct model *m, const struct m_queue *q, const struct queue_view *v,
                        const struct m_count *c)
{
    for (int f = 0; f < FATE_COUNT; f++) {
        uint64_t more = may_have_ended(m, q, f) ? c->unknown : 0;

        if (v->fates[f] < c->ended[f] || v->fates[f] > c->ended[f] + more)
            violation(m->world, "each message has the fate that it met",
                      "queue %s: %llu %s; %llu surely, and %llu perhaps", q->name,
                      (unsigned long long)v->fates[f], fate_text((enum fate)f),
                      (unsigned long long)c->ended[f], (unsigned long long)more);
    }
}

void model_check_counts(struct model *m, struct m_queue *q, const struct queue_view *v)
{
    struct m_count c;

    check_law(m, q, v);
    check_growth(m, q, v);
    if (q->detached)
        return;
    model_count(m, q, &c);
    check_held(m, q, v, &c);
    if (!m->world->may_be_damaged)
        check_fates(m, q, v, &c);
}
