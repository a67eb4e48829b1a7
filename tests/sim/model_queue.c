/* model_queue.c - see model.h: what queues know of messages, as far as clients can tell. */
#include "model.h"
#include "base/mem.h"
#include "model_keep.h"
#include "model_exchange.h"
#include "model_copy.h"
#include "model_group.h"
#include "model_txn.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- queues ---- */

bool m_queue_is(const struct m_queue *q)
{
    return q->gone == 0;
}

bool m_queue_has_own_topic(const struct m_queue *q)
{
    return !q->detached && strcmp(q->topic->name, q->name) == 0;
}

bool m_queue_is_locked(const struct m_queue *q, uint64_t session)
{
    return q->is_exclusive && q->owner != session;
}

struct m_queue *model_queue_at(struct model *m, size_t index)
{
    return index < m->queue_count ? m->queues[index] : NULL;
}

struct m_queue *model_queue(struct model *m, const char *name)
{
    for (size_t i = m->queue_count; i-- > 0;)
        if (m_queue_is(m->queues[i]) && strcmp(m->queues[i]->name, name) == 0)
            return m->queues[i];
    return NULL;
}

struct m_queue *model_queue_by_id(struct model *m, uint64_t id)
{
    for (size_t i = m->queue_count; i-- > 0;)
        if (m->queues[i]->id == id)
            return m->queues[i];
    return NULL;
}

struct m_queue *model_any_queue(struct model *m)
{
    struct m_queue *found = NULL;
    uint64_t        count = 0;

    for (size_t i = 0; i < m->queue_count; i++)
        if (m_queue_is(m->queues[i]) && draw_one_in(&m->world->draw, ++count))
            found = m->queues[i];
    return found;
}

static int64_t lease_of(const struct queue_policy *p)
{
    enum { LEASE_MS_DEFAULT = 30000 }; /* what the engine takes when nobody says */

    return p->lease_ms > 0 ? p->lease_ms : LEASE_MS_DEFAULT;
}

struct m_queue *model_make_queue(struct model *m, const char *name, struct m_topic *topic,
                                 const struct queue_policy *policy, uint64_t number)
{
    struct m_queue *q;

    if (m->queue_count == QUEUES_MAX)
        return NULL;
    q = mem_new(sizeof *q);
    snprintf(q->name, sizeof q->name, "%s", name);
    q->topic = topic;
    q->made = number;
    q->policy = *policy;
    q->was_ordered = q->ever_ordered = policy->is_ordered;
    q->was_delayed = policy->delay_ms > 0;
    q->delay_low_ms = policy->delay_ms;
    q->lease_low_ms = q->lease_high_ms = lease_of(policy);
    q->expiry_ms = policy->retention_ms;
    m->queues[m->queue_count++] = q;
    return q;
}

void m_queue_alter(struct m_queue *q, const struct queue_policy *policy)
{
    int64_t lease_ms = lease_of(policy);

    q->policy = *policy;
    q->was_ordered &= policy->is_ordered;
    q->ever_ordered |= policy->is_ordered;
    q->was_delayed |= policy->delay_ms > 0;
    q->delay_varies |= policy->delay_ms != q->delay_low_ms;
    if (policy->delay_ms < q->delay_low_ms)
        q->delay_low_ms = policy->delay_ms;
    if (lease_ms < q->lease_low_ms)
        q->lease_low_ms = lease_ms;
    if (lease_ms > q->lease_high_ms)
        q->lease_high_ms = lease_ms;
    if (policy->retention_ms > 0 && (q->expiry_ms == 0 || policy->retention_ms < q->expiry_ms))
        q->expiry_ms = policy->retention_ms;
}

static bool has_other_queue(const struct model *m, const struct m_queue *q)
{
    for (size_t i = 0; i < m->queue_count; i++)
        if (m->queues[i] != q && m->queues[i]->topic == q->topic && m_queue_is(m->queues[i]) &&
            !m->queues[i]->detached)
            return true;
    return false;
}

void model_end_queue(struct model *m, struct m_queue *q, uint64_t number)
{
    struct m_topic *t = q->topic;

    q->gone = number;
    q->gone_turn = m->world->turn;
    if (!q->detached && m_topic_is(t) && strcmp(t->name, q->name) == 0 &&
        t->policy.retention == RETAIN_UNTIL_SETTLED && !has_other_queue(m, q))
        model_end_topic(m, t, number);
    model_sweep_exchanges(m, number);
}

/* ---- what a queue knows of a message ---- */

enum presence m_queue_presence(struct model *m, const struct m_queue *q, uint32_t partition,
                               uint64_t offset)
{
    const struct m_log   *l = &q->topic->logs[partition];
    const struct m_batch *b = model_batch_of(m, m_log_id(l, offset));

    if (!b || m_log_is_unstable(m, l, offset))
        return MAYBE_IN;
    if (b->first_sent > q->made)
        return IN;
    if (q->from_end) /* of a log with transactions it begins at what was stable */
        return b->last_sent < q->made && !l->has_txns ? NOT_IN : MAYBE_IN;
    if (m_topic_is_timed(q->topic) && !m_topic_loses(q->topic))
        return IN;
    return q->made_topic ? NOT_IN : MAYBE_IN; /* others may have settled it before */
}

bool m_queue_may_expire(struct model *m, const struct m_queue *q, uint32_t partition,
                        uint64_t offset)
{
    const struct m_log   *l = &q->topic->logs[partition];
    const struct m_batch *b = model_batch_of(m, m_log_id(l, offset));

    return (q->expiry_ms > 0 && (!b || b->first_ms + q->expiry_ms <= m->world->now_ms)) ||
           m_log_may_lose(m, l, offset);
}

static void doubt(struct m_held *h, uint64_t number, uint64_t turn)
{
    h->fate = MAYBE_GONE;
    h->ended = FATE_UNKNOWN;
    h->fate_number = number;
    h->gone_turn = turn;
    h->gone_strict = false;
    h->is_doubted = true;
}

static int64_t delay_of(const struct m_queue *q, const struct m_batch *b)
{
    return b->delay_ms >= 0 ? b->delay_ms : q->delay_low_ms;
}

/* A purge that the engine saw after the record may have taken it, even when nobody knew its offset
 * at that time. */
static void learn(struct model *m, const struct m_queue *q, const struct m_batch *b,
                  struct m_held *h)
{
    int64_t delay_ms = delay_of(q, b);

    h->is_known = true;
    h->is_exact = b->first_sent > m->crash_number;
    if (delay_ms > 0 && b->first_sent > q->made) /* what was there before is ready at once */
        h->ready_ms = b->first_ms + delay_ms;
    if (q->purged >= b->first_sent)
        doubt(h, q->purged, q->purge_turn);
}

/* Room for the whole log at once, so that it does not move while somebody looks at one message. */
static struct m_held *held_at(struct m_lane *l, uint64_t offset, uint64_t end)
{
    size_t   old = l->cap;
    uint64_t last = offset + 1 > end ? offset : end - 1;

    while (l->cap <= last)
        l->cap = l->cap ? l->cap * 2 : 64;
    if (l->cap > old) {
        l->at = mem_resize(l->at, l->cap * sizeof *l->at);
        memset(l->at + old, 0, (l->cap - old) * sizeof *l->at);
    }
    return &l->at[offset];
}

struct m_held *model_held(struct model *m, struct m_queue *q, uint32_t partition, uint64_t offset)
{
    struct m_held        *h = held_at(&q->lanes[partition], offset,
                                      q->topic->logs[partition].end);
    const struct m_batch *b = model_batch_of(m, m_log_id(&q->topic->logs[partition], offset));

    if (!h->is_known && b)
        learn(m, q, b, h);
    return h;
}

/* ---- order by key ---- */

/* The others of its key in its log, those before it or those after it; with delays nobody knows
 * which became due first. */
static void each_of_key(struct model *m, struct m_queue *q, const struct lease *lease,
                        bool is_before, void (*visit)(struct model *m, struct m_held *h, void *ctx),
                        void *ctx)
{
    const struct m_log *l = &q->topic->logs[lease->partition];
    unsigned            key = model_key(m, m_log_id(l, lease->offset));
    bool                is_all = m->world->plan.has[HAS_DELAYS];
    uint64_t            from = is_before || is_all ? 0 : lease->offset + 1;
    uint64_t            end = is_before && !is_all ? lease->offset : l->end;

    for (uint64_t offset = from; q->ever_ordered && offset < end; offset++)
        if (model_key(m, m_log_id(l, offset)) == key && offset != lease->offset)
            visit(m, model_held(m, q, lease->partition, offset), ctx);
}

struct leading {
    uint64_t taker;
    uint64_t after_turn;
    bool     is_it;
};

static void look_for_end(struct model *m, struct m_held *h, void *ctx)
{
    struct leading *l = ctx;

    if (h->fate == GONE) /* with an old token, or by another taker: a lease had ended before */
        l->is_it |= h->gone_turn > l->after_turn && (!h->gone_strict || h->taker != l->taker);
    else
        l->is_it |= h->hold != LEASED || h->low_ms <= m->world->now_ms || h->taker != l->taker;
}

/* In an ordered queue the end of a lease takes back the later ones of its key that were leased after
 * that turn, also when it was on its way to another taker by then: two never have the same key at a
 * time. */
static bool is_led_since(struct model *m, struct m_queue *q, const struct lease *lease,
                         uint64_t after_turn)
{
    struct leading l = { .taker = model_held(m, q, lease->partition, lease->offset)->taker,
                         .after_turn = after_turn };

    each_of_key(m, q, lease, true, look_for_end, &l);
    return l.is_it;
}

/* The same of one whose delivery has been seen: what happened since is known. */
static bool is_led(struct model *m, struct m_queue *q, const struct lease *lease)
{
    return is_led_since(m, q, lease, UINT64_MAX);
}

static void soften(struct model *m, struct m_held *h, void *ctx)
{
    (void)ctx;
    if (h->hold == LEASED)
        h->hold = MAYBE_LEASED;
    h->taken_back = m->world->last_number;
}

static void soften_followers(struct model *m, struct m_queue *q, const struct lease *lease)
{
    each_of_key(m, q, lease, false, soften, NULL);
}

/* ---- deliveries ---- */

/* Where a broken rule was seen. */
#define AT_FORMAT "queue %s/%u offset %llu attempt %u (to %s %zu): "
#define AT(q, ref, terms)                                                                          \
    (q)->name, (ref)->lease.partition, (unsigned long long)(ref)->offset, (ref)->attempts,         \
        (terms)->client->kind->name, (terms)->client->index

static uint64_t see_record(struct model *m, struct m_queue *q, const struct message_ref *ref)
{
    struct m_log       *l = &q->topic->logs[ref->lease.partition];
    struct batch_reader reader;
    struct batch_head   head;
    struct record       record;
    uint64_t            id;

    if (batch_check(ref->batch.bytes, &head) != ERR_OK ||
        batch_open(&reader, ref->batch.bytes) != ERR_OK)
        violation(m->world, "what is handed out can be read", "queue %s/%u offset %llu: %zu bytes",
                  q->name, ref->lease.partition, (unsigned long long)ref->offset,
                  ref->batch.bytes.len);
    if (!batch_find(&reader, (int32_t)(ref->offset - ref->base_offset), &record))
        violation(m->world, "what is handed out is in its batch", "queue %s/%u offset %llu",
                  q->name, ref->lease.partition, (unsigned long long)ref->offset);
    id = model_see(m, l, ref->offset, &record);
    batch_close(&reader);
    return id;
}

/* What is settled comes back only when it had been handed out before. */
static void check_fate(struct model *m, struct m_queue *q, struct m_held *h,
                       const struct message_ref *ref, const struct m_terms *t)
{
    const struct m_log *l = &q->topic->logs[ref->lease.partition];

    if (ref->offset < l->start && ref->attempts == 1 && l->start_turn <= t->after_turn)
        violation(m->world, "what a log has lost is not handed out", AT_FORMAT "it begins at %llu",
                  AT(q, ref, t), (unsigned long long)l->start);
    if (q->gone && q->gone_turn <= t->after_turn)
        violation(m->world, "nothing comes from a queue that is gone", AT_FORMAT "it was deleted",
                  AT(q, ref, t));
    if (h->fate == GONE && (h->gone_strict || h->gone_turn <= t->after_turn))
        violation(m->world, "settled stays settled", AT_FORMAT "settled by call %llu",
                  AT(q, ref, t), (unsigned long long)h->fate_number);
    if (h->fate == MAYBE_GONE && h->gone_turn <= t->after_turn) { /* so that did not happen */
        h->fate = OPEN;
        h->is_doubted = false;
    }
}

/* Attempts count up, and no number is given twice. */
static void check_attempt(struct model *m, const struct m_queue *q, struct m_held *h,
                          const struct message_ref *ref, const struct m_terms *t)
{
    uint32_t n = ref->attempts;

    if (n <= h->seen_floor || (n < 64 && h->seen >> n & 1))
        violation(m->world, "each attempt has a number of its own",
                  AT_FORMAT "%u were seen before", AT(q, ref, t), h->seen_max);
    if (n < 64)
        h->seen |= 1ull << n;
    if (ref->counted_attempts > n || ref->counted_attempts == 0)
        violation(m->world, "attempts are counted", AT_FORMAT "%u of them count", AT(q, ref, t),
                  ref->counted_attempts);
}

/* Of two leases of a message the second begins when the first has ended. */
static void check_overlap(struct model *m, struct m_queue *q, const struct m_held *h,
                          const struct message_ref *ref, const struct m_terms *t)
{
    if (h->hold == LEASED && m->world->turn_ms < h->low_ms && !is_led(m, q, &ref->lease))
        violation(m->world, "leases never overlap", AT_FORMAT "%s has it until %lld",
                  AT(q, ref, t), h->client->kind->name, (long long)h->low_ms);
    if (m->world->turn_ms < h->ready_ms)
        violation(m->world, "delayed messages wait", AT_FORMAT "not before %lld", AT(q, ref, t),
                  (long long)h->ready_ms);
}

/* First attempts come in the order of the log. */
static void check_fresh(struct model *m, struct m_queue *q, uint64_t id,
                        const struct message_ref *ref, const struct m_terms *t)
{
    uint64_t *from = t->fresh ? &t->fresh[ref->lease.partition] : NULL;

    if (!from || ref->attempts != 1 || q->was_delayed || q->ever_ordered ||
        model_batch_of(m, id)->delay_ms > 0)
        return;
    if (ref->offset < *from)
        violation(m->world, "order per queue", AT_FORMAT "%llu came before", AT(q, ref, t),
                  (unsigned long long)*from - 1);
    *from = ref->offset + 1;
}

/* One that is not settled holds up the later ones of its key, unless both are in one hand. */
static bool holds_up(struct model *m, struct m_queue *q, uint32_t partition, uint64_t offset,
                     const struct m_terms *t)
{
    const struct m_held  *h = model_held(m, q, partition, offset);
    const struct m_batch *b = model_batch_of(m, m_log_id(&q->topic->logs[partition], offset));

    if (b->delay_ms > 0 || q->delay_varies) /* what is delayed comes in the order in which it is due */
        return false;
    if (h->fate != OPEN || m_queue_presence(m, q, partition, offset) != IN ||
        m_queue_may_expire(m, q, partition, offset))
        return false;
    if (h->seen_max == 0 && delay_of(q, b) > 0 &&
        (q->topic->logs[partition].has_txns || b->last_ms + delay_of(q, b) > t->after_ms))
        return false; /* whichever try was the one that counts, it may not have been due yet; and the queue's own delay
                       * begins when no transaction holds it back any more */
    if (m->world->plan.has[HAS_NO_ACK] &&
        (h->hold != LEASED || h->low_ms <= m->world->turn_ms)) /* it may be on its way, settled */
        return false;
    if (h->end_turn > t->after_turn || (h->client != t->client && h->seen_turn > t->after_turn))
        return false; /* that may have happened after this one was handed out */
    if (h->taker != t->taker)
        return true;
    return h->hold == FREE && (t->is_bound || t->high_ms > 0); /* else all of one call ended at once */
}

static void check_order(struct model *m, struct m_queue *q, uint64_t id,
                        const struct message_ref *ref, const struct m_terms *t)
{
    const struct m_log *l = &q->topic->logs[ref->lease.partition];
    unsigned            key = model_key(m, id);

    if (!q->was_ordered || key == 0)
        return;
    for (uint64_t offset = l->start; offset < ref->offset; offset++) {
        uint64_t other = m_log_id(l, offset);

        if (other != 0 && model_key(m, other) == key &&
            holds_up(m, q, ref->lease.partition, offset, t))
            violation(m->world, "order per key", AT_FORMAT "%llu of the same key is not settled",
                      AT(q, ref, t), (unsigned long long)offset);
    }
}

static void take(struct m_held *h, const struct message_ref *ref, const struct m_terms *t,
                 const struct world *w)
{
    h->token = ref->lease.token;
    h->client = t->client;
    h->taker = t->taker;
    h->is_bound = t->is_bound;
    h->ready_ms = 0;
    h->end_number = 0;
    h->seen_turn = w->turn;
    h->hold = (t->is_bound ? !t->client->is_closed : t->high_ms > 0) ? LEASED : FREE;
    h->end_turn = h->hold == FREE ? w->turn : 0;
    h->low_ms = t->is_bound ? INT64_MAX : t->after_ms + t->low_ms;
    h->high_ms = t->is_bound ? INT64_MAX : w->turn_ms + t->high_ms;
    if (t->no_ack) {
        h->hold = FREE;
        h->fate = GONE;
        h->ended = FATE_ACKED;
        h->fate_number = 0; /* it arrived, so it is on disk */
        h->gone_turn = w->turn;
        h->gone_strict = true;
    }
}

void model_deliver(struct model *m, struct m_queue *q, const struct message_ref *ref,
                   const struct m_terms *t)
{
    struct m_held *h;
    uint64_t       id;

    m->world->counts.delivered++;
    if (q->id == 0)
        q->id = ref->lease.queue_id;
    if (q->id != ref->lease.queue_id || ref->lease.partition >= q->topic->partition_count)
        violation(m->world, "what comes is of the queue that was asked",
                  AT_FORMAT "queue %llu, not %llu", AT(q, ref, t),
                  (unsigned long long)ref->lease.queue_id, (unsigned long long)q->id);
    id = see_record(m, q, ref);
    model_txn_delivered(m, model_batch_of(m, id));
    TRACE(m->world, "%s: got " AT_FORMAT "record %llu key %u%s%s", t->client->kind->name,
          AT(q, ref, t), (unsigned long long)id, model_key(m, id), t->no_ack ? " no ack" : "",
          t->is_bound ? " bound" : "");
    h = model_held(m, q, ref->lease.partition, ref->offset);
    if (m_queue_presence(m, q, ref->lease.partition, ref->offset) == NOT_IN)
        violation(m->world, "a queue begins where it begins", AT_FORMAT "it was there before",
                  AT(q, ref, t));
    check_attempt(m, q, h, ref, t);
    if (ref->attempts < h->seen_max)
        return; /* an older lease, overtaken on its way */
    check_fate(m, q, h, ref, t);
    check_overlap(m, q, h, ref, t);
    check_fresh(m, q, id, ref, t);
    check_order(m, q, id, ref, t);
    h->seen_max = ref->attempts;
    if (ref->attempts > 1)
        soften_followers(m, q, &ref->lease);
    take(h, ref, t, m->world);
    if (h->hold == LEASED && is_led_since(m, q, &ref->lease, t->after_turn))
        h->hold = MAYBE_LEASED;
}

static bool has_all_attempts(const struct m_held *h)
{
    return !h->is_exact || h->seen_max >= 63 ||
           h->seen == ((1ull << h->seen_max) - 1) << 1;
}

void model_check_attempts(struct model *m)
{
    for (size_t i = 0; i < m->queue_count; i++)
        for (uint32_t p = 0; p < PARTITIONS_MAX; p++)
            for (size_t o = 0; o < m->queues[i]->lanes[p].cap; o++)
                if (!has_all_attempts(&m->queues[i]->lanes[p].at[o]))
                    violation(m->world, "what is handed out arrives",
                              "queue %s/%u offset %zu: of %u attempts some were never seen",
                              m->queues[i]->name, p, o, m->queues[i]->lanes[p].at[o].seen_max);
}

/* ---- settling ---- */

static enum certainty foresee(struct model *m, struct m_queue *q, const struct settle_item *item,
                              const struct m_held *h, bool stale_ack_ok)
{
    bool is_stale_ack = stale_ack_ok && item->action == SETTLE_ACK && item->lease.token > 0;

    if (q->gone || q->detached || h->fate == GONE)
        return WILL_NOT;
    if (h->fate == MAYBE_GONE)
        return MAY;
    if (item->lease.token != h->token || h->hold == FREE || m->world->now_ms >= h->high_ms)
        return is_stale_ack || item->lease.token > h->seen_max ? MAY : WILL_NOT;
    if (h->hold == LEASED && m->world->now_ms < h->low_ms && !is_led(m, q, &item->lease) &&
        !m_queue_may_expire(m, q, item->lease.partition, item->lease.offset))
        return WILL;
    return MAY;
}

static void end_hold(const struct model *m, struct m_held *h, uint64_t number)
{
    h->hold = FREE;
    h->end_turn = m->world->turn;
    h->end_number = number;
}

static bool is_final(const struct settle_item *item)
{
    return item->action == SETTLE_ACK || item->action == SETTLE_REJECT ||
           item->action == SETTLE_DEAD_LETTER;
}

/* What is settled so is counted under that. */
static int fate_of(enum settle_action action)
{
    switch (action) {
    case SETTLE_ACK:
        return FATE_ACKED;
    case SETTLE_REJECT:
        return FATE_REJECTED;
    case SETTLE_DEAD_LETTER:
        return FATE_DEAD_LETTERED;
    case SETTLE_RELEASE:
    case SETTLE_EXTEND:
        break;
    }
    return FATE_UNKNOWN;
}

static void settle_surely(struct model *m, struct m_queue *q, const struct settle_item *item,
                          struct m_held *h, uint64_t number)
{
    int64_t due_ms = m->world->now_ms + item->delay_ms;

    switch (item->action) {
    case SETTLE_ACK:
    case SETTLE_REJECT:
    case SETTLE_DEAD_LETTER:
        h->fate = GONE;
        h->ended = fate_of(item->action);
        h->fate_number = number;
        h->gone_turn = m->world->turn;
        h->gone_strict = true;
        end_hold(m, h, number);
        break;
    case SETTLE_RELEASE:
        end_hold(m, h, number);
        h->ready_ms = item->delay_ms > 0 ? due_ms : 0;
        soften_followers(m, q, &item->lease);
        break;
    case SETTLE_EXTEND:
        if (item->delay_ms <= 0) {
            end_hold(m, h, number);
            soften_followers(m, q, &item->lease);
        } else if (!h->is_bound) {
            h->low_ms = due_ms < h->low_ms ? due_ms : h->low_ms;
            h->high_ms = due_ms > h->high_ms ? due_ms : h->high_ms;
            h->extended = number;
        }
        break;
    }
}

static void settle_perhaps(struct model *m, struct m_queue *q, const struct settle_item *item,
                           struct m_held *h, uint64_t number)
{
    int64_t due_ms = m->world->now_ms + item->delay_ms;

    if (h->hold == LEASED)
        h->hold = MAYBE_LEASED;
    soften_followers(m, q, &item->lease); /* a lease that ran out before took theirs along */
    if (is_final(item)) {
        h->fate = MAYBE_GONE;
        h->ended = FATE_UNKNOWN;
        h->fate_number = number;
        h->gone_turn = m->world->turn;
        h->gone_strict = false;
        h->asked++;
        return;
    }
    h->extended = number;
    if (!h->is_bound && due_ms > h->high_ms)
        h->high_ms = due_ms;
    if (due_ms < h->low_ms)
        h->low_ms = due_ms;
}

enum certainty model_foresee(struct model *m, struct m_queue *q, const struct settle_item *item,
                             bool stale_ack_ok)
{
    return foresee(m, q, item, model_held(m, q, item->lease.partition, item->lease.offset),
                   stale_ack_ok);
}

void model_settle_as(struct model *m, struct m_queue *q, const struct settle_item *item,
                     enum certainty c, uint64_t number)
{
    static const char *const words[] = { "will not", "may", "will" };
    struct m_held *h = model_held(m, q, item->lease.partition, item->lease.offset);

    TRACE(m->world, "call %llu %s settle (%d) queue %s/%u offset %llu token %u: has token %u, "
          "deadline %lld to %lld",
          (unsigned long long)number, words[c], (int)item->action, q->name,
          item->lease.partition, (unsigned long long)item->lease.offset, item->lease.token,
          h->token, (long long)h->low_ms, (long long)h->high_ms);
    if (c == WILL)
        settle_surely(m, q, item, h, number);
    else if (c == MAY)
        settle_perhaps(m, q, item, h, number);
}

enum certainty model_settle(struct model *m, struct m_queue *q, const struct settle_item *item,
                            bool stale_ack_ok, uint64_t number)
{
    enum certainty c = model_foresee(m, q, item, stale_ack_ok);

    model_settle_as(m, q, item, c, number);
    return c;
}

static void on_settled(const struct model *m, struct m_held *h, const struct settle_item *item, enum certainty before,
                       int64_t submit_ms, uint64_t number)
{
    bool is_end = is_final(item);
    bool is_newest = item->lease.token == h->token;

    if (before == MAY && is_end) {
        h->fate = GONE;
        h->ended = fate_of(item->action);
        h->fate_number = number;
        end_hold(m, h, number);
    } else if (before == MAY && is_newest && item->action == SETTLE_RELEASE) {
        end_hold(m, h, number);
    } else if (item->action == SETTLE_EXTEND && item->delay_ms > 0 && is_newest &&
               h->hold != FREE && !h->is_bound && h->extended == number) {
        if (h->taken_back < number)
            h->hold = LEASED;
        h->low_ms = h->high_ms = submit_ms + item->delay_ms;
    }
}

static void on_not_settled(struct model *m, struct m_queue *q, struct m_held *h,
                           const struct settle_item *item, uint64_t number)
{
    enum presence in = m_queue_presence(m, q, item->lease.partition, item->lease.offset);

    if (h->fate == MAYBE_GONE && h->asked == 0 && !h->is_doubted)
        h->fate = OPEN;
    if (!item->is_gone || q->gone || q->detached)
        return;
    if (h->fate != OPEN)
        return;
    doubt(h, number, m->world->turn); /* it may be on its way, settled when it was handed out */
    if (in == IN && !m->world->plan.has[HAS_NO_ACK] &&
        !m_queue_may_expire(m, q, item->lease.partition, item->lease.offset))
        violation(m->world, "only what was settled is gone",
                  "queue %s/%u offset %llu is said to be settled", q->name, item->lease.partition,
                  (unsigned long long)item->lease.offset);
}

void model_settled(struct model *m, struct m_queue *q, const struct settle_item *item,
                   enum certainty before, const struct request *r)
{
    struct m_held *h = model_held(m, q, item->lease.partition, item->lease.offset);

    if (item->err == ERR_OK && before == WILL_NOT)
        violation(m->world, "a lease ends once",
                  "queue %s/%u offset %llu token %u: action %d of call %llu succeeded", q->name,
                  item->lease.partition, (unsigned long long)item->lease.offset,
                  item->lease.token, (int)item->action, (unsigned long long)r->number);
    if (item->err != ERR_OK && before == WILL)
        violation(m->world, "who has a lease can settle it",
                  "queue %s/%u offset %llu token %u: action %d of call %llu: %s", q->name,
                  item->lease.partition, (unsigned long long)item->lease.offset,
                  item->lease.token, (int)item->action, (unsigned long long)r->number,
                  err_text(item->err));
    if (before == MAY && is_final(item) && h->asked > 0)
        h->asked--;
    if (item->err == ERR_OK)
        on_settled(m, h, item, before, r->submit_ms, r->number);
    else
        on_not_settled(m, q, h, item, r->number);
}

/* ---- purge, sessions, crashes ---- */

static void each_held(struct model *m, void (*visit)(struct model *m, struct m_queue *q,
                                                     struct m_held *h, void *ctx),
                      struct m_queue *only, void *ctx)
{
    for (size_t i = 0; i < m->queue_count; i++) {
        struct m_queue *q = m->queues[i];

        if (only && q != only)
            continue;
        for (uint32_t p = 0; p < PARTITIONS_MAX; p++)
            for (size_t o = 0; o < q->lanes[p].cap; o++)
                if (q->lanes[p].at[o].is_known)
                    visit(m, q, &q->lanes[p].at[o], ctx);
    }
}

static void purge_one(struct model *m, struct m_queue *q, struct m_held *h, void *ctx)
{
    bool leased_too = *(const bool *)ctx;

    if (h->fate == GONE ||
        (h->hold == LEASED && m->world->now_ms < h->low_ms && !leased_too))
        return;
    doubt(h, q->purged, q->purge_turn);
    if (leased_too && h->hold == LEASED)
        h->hold = MAYBE_LEASED;
}

static void doubt_all(struct model *m, struct m_queue *q, bool leased_too, uint64_t number)
{
    for (uint32_t p = 0; p < q->topic->partition_count; p++)
        for (uint64_t o = 0; o < q->topic->logs[p].end; o++)
            model_held(m, q, p, o);
    TRACE(m->world, "queue %s: what is in it may be gone (call %llu)", q->name,
          (unsigned long long)number);
    q->purged = number;
    q->purge_turn = m->world->turn;
    each_held(m, purge_one, q, &leased_too);
}

void model_purge(struct model *m, struct m_queue *q, bool leased_too, uint64_t number)
{
    q->was_purged = true;
    doubt_all(m, q, leased_too, number);
}

void model_doubt(struct model *m, struct m_queue *q)
{
    doubt_all(m, q, false, m->world->last_number);
}

struct session_end {
    const struct client *client;
    uint64_t             number;
};

static void end_bound(struct model *m, struct m_queue *q, struct m_held *h, void *ctx)
{
    const struct session_end *s = ctx;

    (void)q;
    if (h->hold != FREE && h->is_bound && h->client == s->client)
        end_hold(m, h, s->number);
}

static bool has_consumers(const struct m_queue *q)
{
    for (size_t i = 0; i < SIM_CLIENTS_MAX; i++)
        if (q->consumers[i] > 0)
            return true;
    return false;
}

static void end_if_unused(struct model *m, struct m_queue *q, uint64_t number)
{
    if (m_queue_is(q) && q->is_auto_delete && !has_consumers(q))
        model_end_queue(m, q, number);
}

bool m_queue_takes_consumer(const struct m_queue *q, bool is_exclusive)
{
    return !q->only && !(is_exclusive && has_consumers(q));
}

void model_subscribe(struct m_queue *q, const struct client *c, bool is_exclusive)
{
    q->consumers[c->index]++;
    if (is_exclusive)
        q->only = c;
}

static void leave_alone(struct m_queue *q, const struct client *c)
{
    if (q->only == c)
        q->only = NULL;
}

void model_unsubscribe(struct model *m, struct m_queue *q, const struct client *c, uint64_t number)
{
    if (!m_queue_is(q))
        return;
    q->consumers[c->index]--;
    leave_alone(q, c);
    end_if_unused(m, q, number);
}

void model_end_session(struct model *m, const struct client *c, uint64_t number)
{
    struct session_end s = { c, number };

    for (size_t i = 0; i < m->queue_count; i++)
        if (m->queues[i]->consumers[c->index] > 0) {
            m->queues[i]->consumers[c->index] = 0;
            leave_alone(m->queues[i], c);
            end_if_unused(m, m->queues[i], number);
        }
    each_held(m, end_bound, NULL, &s);
    for (size_t i = 0; i < m->queue_count; i++)
        if (m_queue_is(m->queues[i]) && m_queue_is_locked(m->queues[i], 0) &&
            m->queues[i]->owner == c->session)
            model_end_queue(m, m->queues[i], number);
}

static void crash_one(struct model *m, struct m_queue *q, struct m_held *h, void *ctx)
{
    uint64_t durable = m->world->durable;

    (void)q;
    (void)ctx;
    if (h->fate == GONE && h->fate_number > durable)
        h->fate = MAYBE_GONE;
    h->is_doubted = h->fate == MAYBE_GONE;
    h->asked = 0;
    if (h->is_bound)
        h->hold = FREE;
    else if (h->hold == FREE && h->end_number > durable)
        h->hold = MAYBE_LEASED;
    h->ready_ms = h->end_number > durable ? 0 : h->ready_ms;
    h->seen_floor = h->seen_max;
    h->is_exact = false;
}

void model_on_crash(struct model *m)
{
    uint64_t durable = m->world->durable;

    for (size_t i = 0; i < m->topic_count; i++) {
        m->topics[i]->is_doubtful |= m->topics[i]->made > durable || m->topics[i]->gone > durable;
        m->topics[i]->policy_in_doubt |= m->topics[i]->altered > durable;
    }
    for (size_t i = 0; i < m->queue_count; i++) {
        struct m_queue *q = m->queues[i];

        q->is_doubtful |= q->made > durable || q->gone > durable || q->detached > durable;
        q->policy_in_doubt |= q->altered > durable;
        memset(q->consumers, 0, sizeof q->consumers);
        q->only = NULL;
        if (q->is_exclusive || !q->is_durable) { /* it does not outlive the process */
            if (m_queue_is(q))
                model_end_queue(m, q, m->world->last_number);
            q->is_doubtful = false;
        }
    }
    model_exchanges_on_crash(m);
    model_groups_on_crash(m);
    model_copy_touch(m, m->world->now_ms);
    each_held(m, crash_one, NULL, NULL);
    m->crash_number = m->world->last_number;
}

/* ---- counting: the rest is in model_count.c ---- */

uint64_t model_count_leases(struct model *m, struct m_queue *q, uint64_t taker)
{
    uint64_t count = 0;

    for (uint32_t p = 0; p < q->topic->partition_count; p++)
        for (size_t o = 0; o < q->lanes[p].cap; o++) {
            const struct m_held *h = &q->lanes[p].at[o];

            count += h->hold == LEASED && h->taker == taker && h->fate == OPEN &&
                     m->world->turn_ms < h->low_ms;
        }
    return count;
}
