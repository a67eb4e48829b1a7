/*
 * share_bury.c - records that a share group gives up: those it rejected, and those that came back too often.
 *
 * Without a dead letter topic they are settled as rejected. With one (KIP-1191) the record is appended there and
 * settled
 * here as dead-lettered, in one group of the journal: a crash never shows it in both places, or in none. Kafka's own
 * names say where it was and why it came:
 *
 *     __dlq.errors.topic, .partition, .offset, .group    where it was, and for whom
 *     __dlq.errors.delivery.count                        how often it was delivered
 *     __dlq.errors.message                               why
 *
 * They follow its own headers. Key, value and headers come along unless the policy says that they do not.
 *
 *   SB1  What is spent is blocked at once, so that nobody gets it any more, and buried at the end of the turn, or
 *        when its
 *        batch has come from the disk. Until then a restart would find it ready again and spent all the same.
 *   SB2  A dead letter topic that does not exist is made, with one partition. One that is the topic itself, or private,
 *        is none. What it would refuse (compacted, and no key) is settled as rejected.
 *   SB3  A record that cannot be read any more is settled with the fate of that.
 *
 * Thread: the shard's.
 */
#include "engine/log_int.h"
#include "engine/share_int.h"

#include <inttypes.h>
#include <stdlib.h>

enum { NOTES = 6 };

bool share_is_spent(struct queue *q, const struct held *h)
{
    return h && h->attempts - h->free_attempts >= (uint64_t)share_policy(q->share->group)->delivery_limit;
}

void share_bury(struct queue *q, struct held *h)
{
    struct share_queue *s = q->share;
    struct lane        *lane = held_lane(h);

    if (s->spent_count == s->spent_cap) {
        s->spent_cap = s->spent_cap ? 2 * s->spent_cap : 8;
        s->spent = mem_resize(s->spent, s->spent_cap * sizeof *s->spent);
    }
    s->spent[s->spent_count++] = (struct share_spent){ h->offset, lane->index };
    queue_touch(q);
    ledger_block(lane, h->offset);
    queue_mark_dirty(q->engine, q);
}

/* ---- the dead letter topic ---- */

/* SB2 */
static struct topic *find_target(struct queue *q, const struct group_policy *p)
{
    struct engine *e = q->engine;
    struct bytes   ns = q->share->group->key.ns;
    struct topic  *t;

    if (p->dead_letter_topic.len == 0)
        return NULL;
    t = topic_find(e, ns, p->dead_letter_topic);
    if (!t)
        t = topic_create(e, ns, p->dead_letter_topic, 1, &topic_policy_default, false, DOOR_KAFKA,
                         bytes_of(NULL, 0));
    return t == q->topic || t->is_private ? NULL : t;
}

struct letter {
    struct queue              *queue;
    const struct group_policy *policy;
    const struct held         *held;
    bool                       is_rejected;
    struct arena               arena;
};

static struct bytes number_text(struct letter *l, uint64_t n)
{
    struct buf   text;
    struct bytes kept;

    buf_init(&text);
    buf_printf(&text, "%" PRIu64, n);
    kept = arena_bytes(&l->arena, buf_view(&text));
    buf_fini(&text);
    return kept;
}

static void put_notes(struct letter *l, struct header *at)
{
    const struct queue *q = l->queue;

    at[0] = (struct header){ bytes_str("__dlq.errors.topic"), q->topic->key.name };
    at[1] = (struct header){ bytes_str("__dlq.errors.partition"), number_text(l, held_lane(l->held)->index) };
    at[2] = (struct header){ bytes_str("__dlq.errors.offset"), number_text(l, l->held->offset) };
    at[3] = (struct header){ bytes_str("__dlq.errors.group"), q->share->group->key.name };
    at[4] = (struct header){ bytes_str("__dlq.errors.delivery.count"),
                             number_text(l, l->held->attempts - l->held->free_attempts) };
    at[5] = (struct header){ bytes_str("__dlq.errors.message"),
                             bytes_str(l->is_rejected ? "Offset rejected by client."
                                                      : "Offset delivery count exceeded the threshold.") };
}

static struct slice letter_batch(struct letter *l, const struct record *record)
{
    size_t              count = l->policy->copies_record ? record->header_count : 0;
    struct header      *headers = arena_array(&l->arena, count + NOTES, sizeof *headers);
    struct batch_writer w;
    struct buf          b;
    struct slice        batch;

    if (count > 0)
        memcpy(headers, record->headers, count * sizeof *headers);
    put_notes(l, headers + count);
    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, l->queue->engine->now_ms, l->policy->copies_record ? record->key : (struct bytes){ 0 },
              l->policy->copies_record ? record->value : (struct bytes){ 0 }, headers, count + NOTES);
    batch_end(&w);
    batch = slice_copy(buf_view(&b));
    buf_fini(&b);
    return batch;
}

/* Appends it to the partition that answers to its own. */
static bool send(struct letter *l, struct topic *to, const struct record *record)
{
    uint32_t             partition = held_lane(l->held)->index % to->log_count;
    struct append_target target = { .log = to->logs[partition], .delay_ms = -1 };
    struct slice         batch = letter_batch(l, record);
    struct batch_head    head;

    if (batch_head(batch.bytes, &head) != ERR_OK ||
        (to->policy.is_compacted && (!l->policy->copies_record || bytes_is_null(record->key)))) {
        slice_drop(&batch);
        return false;
    }
    append_batch(l->queue->engine, batch, &head, &target, 1);
    return true;
}

/* False: it cannot be read, or is not taken there. */
static bool copy(struct letter *l, struct topic *to, struct bytes batch, uint64_t base)
{
    struct batch_reader r;
    struct record       record;
    bool                is_sent = false;

    if (batch_open(&r, batch) != ERR_OK)
        return false;
    arena_init(&l->arena);
    if (batch_find(&r, (int32_t)(l->held->offset - base), &record))
        is_sent = send(l, to, &record);
    arena_fini(&l->arena);
    batch_close(&r);
    return is_sent;
}

/* ---- giving up ---- */

static enum fate fate_of(enum log_answer answer)
{
    if (answer == LOG_BAD)
        return FATE_DAMAGED;
    return answer == LOG_END ? FATE_EVICTED : FATE_REJECTED;
}

enum log_answer share_give_up(struct queue_writer *w, struct queue *q, struct held *h, bool is_rejected)
{
    struct engine  *e = q->engine;
    struct letter   l = { .queue = q, .policy = share_policy(q->share->group), .held = h, .is_rejected = is_rejected };
    struct topic   *to;
    struct slice    batch;
    uint64_t        base;
    enum log_answer answer = LOG_FOUND;
    bool            is_sent = false;

    if (l.policy->dead_letter_topic.len > 0)
        answer = queue_view(q, held_lane(h)->index, h->offset, &batch, &base);
    if (answer == LOG_COLD)
        return answer;
    writer_flush(w);
    stage_flush(e);
    journal_begin_group(e->journal);
    to = find_target(q, l.policy);
    if (to && answer == LOG_FOUND)
        is_sent = copy(&l, to, batch.bytes, base);
    queue_settle_held(w, q, h, is_sent ? FATE_DEAD_LETTERED : fate_of(answer));
    writer_flush(w);
    journal_end_group(e->journal);
    if (answer == LOG_FOUND && l.policy->dead_letter_topic.len > 0)
        slice_drop(&batch);
    return LOG_FOUND;
}

/* The blocked one, if it is still there. */
static struct held *spent_one(struct queue *q, const struct share_spent *s)
{
    struct held *h = s->lane < q->ledger.lane_count ? ledger_find(&q->ledger.lanes[s->lane], s->offset) : NULL;

    return h && h->state == HELD_BLOCKED ? h : NULL;
}

bool share_bury_all(struct queue *q)
{
    struct share_queue *s = q->share;
    struct queue_writer w;
    size_t              kept = 0;

    if (s->spent_count == 0)
        return true;
    writer_init(&w, q->engine);
    for (size_t i = 0; i < s->spent_count; i++) {
        struct share_spent one = s->spent[i];
        struct held       *h = spent_one(q, &one);

        if (h && share_give_up(&w, q, h, false) == LOG_COLD)
            s->spent[kept++] = one;
        else if (h)
            queue_trim(q, one.lane);
    }
    s->spent_count = kept;
    writer_fini(&w);
    queue_check(q);
    return kept == 0;
}
