/* retention.c - see retention.h. */
#include "engine/retention.h"
#include "engine/queue_int.h"
#include "engine/txn.h"

#include <assert.h>

enum {
    CUTS_PER_MS_MAX = 1000,   /* logs that lose something in one millisecond of engine time */
    PARTS_PER_CUT_MAX = 4096, /* that one log loses at once */
};

/* ---- what a log has at its front ---- */

static int64_t time_of(const struct log *l, const struct log_part *p)
{
    bool is_by_append =
        l->topic->policy.time_basis == TIME_OF_APPEND || p->max_timestamp_ms < 0;

    return is_by_append ? p->append_ms : p->max_timestamp_ms;
}

static bool is_on_disk(const struct log *l, const struct log_part *p)
{
    return p->base < l->durable;
}

/* ---- what may go ---- */

/* R2, and T6 of txn.h */
static uint64_t needed_from(const struct log *l)
{
    struct list *queues = &l->topic->queues;
    uint64_t     floor = txn_log_stable(l);

    if (l->topic->policy.retention != RETAIN_BOTH)
        return floor;
    for (struct list *n = queues->next; n != queues; n = n->next) {
        uint64_t needs = queue_needs(queue_in_topic(n), l);

        floor = needs < floor ? needs : floor;
    }
    return floor;
}

/* R1. spare: how many bytes the log has above its limit. *due_ms: when it will be, if it is not yet. */
static bool is_over(const struct engine *e, const struct log *l, const struct log_part *p,
                    uint64_t spare, int64_t *due_ms)
{
    const struct topic_policy *policy = &l->topic->policy;

    *due_ms = INT64_MAX;
    if (policy->retention_bytes > 0 && p->bytes <= spare)
        return true;
    if (policy->retention_ms == 0 || time_of(l, p) > INT64_MAX - policy->retention_ms)
        return false;
    *due_ms = time_of(l, p) + policy->retention_ms + 1; /* "older than": as long ago is not yet too long */
    return *due_ms <= e->now_ms;
}

/* Where the log should begin, and when to look again. */
static uint64_t find_start(const struct engine *e, const struct log *l, int64_t *next_ms)
{
    uint64_t        limit = (uint64_t)l->topic->policy.retention_bytes;
    uint64_t        spare = l->bytes > limit ? l->bytes - limit : 0;
    uint64_t        needed = needed_from(l);
    uint64_t        start = l->start;
    struct log_part p;

    for (int n = 0; log_part(l, start, &p) && is_on_disk(l, &p); n++) {
        if (!is_over(e, l, &p, spare, next_ms))
            return start;
        *next_ms = n < PARTS_PER_CUT_MAX ? INT64_MAX : e->now_ms + 1;
        if (p.end > needed || n == PARTS_PER_CUT_MAX) /* a settle, or the end of a transaction, will arm it again */
            return start;
        start = p.end;
        spare -= p.bytes < spare ? p.bytes : spare;
    }
    *next_ms = start < l->end ? e->now_ms + RETENTION_STEP_MS : INT64_MAX; /* R3 */
    return start;
}

/* ---- cutting ---- */

enum err log_apply_trimmed(struct engine *e, struct rd *head, struct bytes payload,
                           uint64_t position)
{
    struct log *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t    start = rd_uvarint64(head);

    (void)payload;
    (void)position;
    if (head->failed || !l || start > l->end)
        return ERR_CORRUPT;
    log_trim(e, l, start);
    queue_on_log_trimmed(l, start);
    return ERR_OK;
}

/* As a replay does it: what a transaction held back comes to the queues first, then goes from them. A
 * message that was leased when its record went, and is given back since, goes now. */
void retention_cut(struct engine *e, struct log *l, uint64_t offset)
{
    struct buf head;

    buf_init(&head);
    buf_uvarint(&head, l->id);
    buf_uvarint(&head, offset);
    engine_change(e, CHANGE_LOG_TRIMMED, &head, (struct slice){ 0 });
    buf_fini(&head);
    l->trimmed_at = journal_end(e->journal);
    log_trim(e, l, offset);
    queue_on_log_trimmed(l, offset);
}

/* Whether this millisecond's share is used up (R5). */
static bool is_enough(struct engine *e)
{
    if (e->cuts_ms != e->now_ms) {
        e->cuts_ms = e->now_ms;
        e->cuts = 0;
    }
    return e->cuts++ >= CUTS_PER_MS_MAX;
}

/* What is left from this time comes at once, what comes next not too soon. */
static void start_next(struct engine *e, struct timer *t, int64_t next_ms)
{
    if (next_ms == INT64_MAX)
        return;
    if (next_ms > e->now_ms + 1 && next_ms < e->now_ms + RETENTION_STEP_MS)
        next_ms = e->now_ms + RETENTION_STEP_MS;
    timer_start(&e->timers, t, next_ms);
}

static void on_due(struct timer *t, int64_t now_ms)
{
    struct log    *l = CONTAINER(t, struct log, retention);
    struct engine *e = l->topic->engine;
    uint64_t       start;
    int64_t        next_ms;

    if (is_enough(e)) {
        timer_start(&e->timers, t, now_ms + 1);
        return;
    }
    log_durable(e, l);
    start = find_start(e, l, &next_ms);
    if (start > l->start)
        retention_cut(e, l, start);
    start_next(e, t, next_ms);
}

/* ---- when to look ---- */

static int64_t soonest(const struct engine *e, const struct log *l)
{
    const struct topic_policy *policy = &l->topic->policy;
    struct log_part            p;
    int64_t                    due_ms;

    if (policy->retention_bytes > 0 && l->bytes > (uint64_t)policy->retention_bytes)
        return e->now_ms + RETENTION_STEP_MS;
    if (policy->retention_ms == 0 || timer_is_started(&l->retention))
        return INT64_MAX;
    if (!log_part(l, l->start, &p))
        return INT64_MAX;
    is_over(e, l, &p, 0, &due_ms);
    return due_ms;
}

void retention_arm(struct engine *e, struct log *l)
{
    int64_t due_ms;

    if (!e->is_open)
        return;
    due_ms = soonest(e, l);
    if (due_ms == INT64_MAX || (timer_is_started(&l->retention) && l->retention.due_ms <= due_ms))
        return;
    l->retention.fire = on_due;
    timer_start(&e->timers, &l->retention, due_ms);
}

void retention_on_policy(struct engine *e, struct topic *t)
{
    for (uint32_t i = 0; i < t->log_count; i++) {
        timer_stop(&e->timers, &t->logs[i]->retention);
        retention_arm(e, t->logs[i]);
    }
}

void retention_on_recovered(struct engine *e)
{
    size_t        at = 0;
    struct topic *t;

    while ((t = map_next(&e->topics, &at)) != NULL)
        retention_on_policy(e, t);
}

/* ---- queues ---- */

/* Where the messages of a log begin that are not too old for the queue, from offset on, and when the first of them will
 * be. */
static uint64_t find_young(struct queue *q, struct log *l, uint64_t offset, int64_t *next_ms)
{
    int64_t         now_ms = q->engine->now_ms;
    int64_t         retention_ms = q->policy.retention_ms;
    struct log_part p;

    log_durable(q->engine, l);
    for (int n = 0; log_part(l, offset, &p); n++) {
        *next_ms = p.append_ms > INT64_MAX - retention_ms ? INT64_MAX : p.append_ms + retention_ms;
        if (*next_ms > now_ms)
            return offset;
        *next_ms = is_on_disk(l, &p) ? now_ms + 1 : now_ms + RETENTION_STEP_MS;
        if (!is_on_disk(l, &p) || n == PARTS_PER_CUT_MAX)
            return offset;
        offset = p.end;
    }
    *next_ms = INT64_MAX;
    return offset;
}

/* R4. What a transaction holds back is not the queue's yet: when it is, it may be too old at once. */
static int64_t expire_lane(struct queue_writer *w, struct queue *q, struct lane *lane)
{
    struct log *l = q->topic->logs[lane->index];
    uint64_t    first;
    uint64_t    end;
    int64_t     next_ms;

    if (!lane_peek(lane, &first))
        return INT64_MAX;
    end = find_young(q, l, first, &next_ms);
    if (end >= lane->end) {
        end = lane->end;
        next_ms = INT64_MAX;
    }
    if (end > first) {
        writer_note_run(w, q, CHANGE_QUEUE_SETTLED, FATE_EXPIRED, 0, lane, first, end - first);
        ledger_settle_range(lane, first, end - first, FATE_EXPIRED, false, queue_let_go, q);
    }
    return next_ms;
}

static void on_queue_due(struct timer *t, int64_t now_ms)
{
    struct queue       *q = CONTAINER(t, struct queue, retention);
    struct queue_writer w;
    int64_t             soonest_ms = INT64_MAX;

    if (is_enough(q->engine)) {
        timer_start(&q->engine->timers, t, now_ms + 1);
        return;
    }
    queue_touch(q);
    writer_init(&w, q->engine);
    for (uint32_t i = 0; i < q->ledger.lane_count; i++) {
        int64_t next_ms = expire_lane(&w, q, &q->ledger.lanes[i]);

        soonest_ms = next_ms < soonest_ms ? next_ms : soonest_ms;
    }
    writer_fini(&w);
    for (uint32_t i = 0; i < q->ledger.lane_count; i++)
        queue_trim(q, i);
    queue_check(q);
    start_next(q->engine, t, soonest_ms);
}

/* When the oldest ready message of any lane is too old. */
static int64_t oldest_due_ms(const struct queue *q)
{
    int64_t due_ms = INT64_MAX;

    for (uint32_t i = 0; i < q->ledger.lane_count; i++) {
        struct log_part p;
        uint64_t        offset;

        if (lane_peek(&q->ledger.lanes[i], &offset) && log_part(q->topic->logs[i], offset, &p) &&
            p.append_ms < due_ms - q->policy.retention_ms)
            due_ms = p.append_ms + q->policy.retention_ms;
    }
    return due_ms;
}

void retention_arm_queue(struct queue *q)
{
    int64_t due_ms;

    if (q->policy.retention_ms <= 0 || !q->topic || timer_is_started(&q->retention))
        return;
    due_ms = oldest_due_ms(q);
    if (due_ms == INT64_MAX)
        return;
    q->retention.fire = on_queue_due;
    timer_start(&q->engine->timers, &q->retention, due_ms);
}

/* ---- CALL_LOG_TRIM ---- */

static enum err trim(struct engine *e, struct log_trim_call *a)
{
    struct topic *t = topic_find_either(e, a->ns, a->name, &a->uuid);
    struct log   *l;
    uint64_t      offset;

    if (!t)
        return ERR_NO_TOPIC;
    if (a->partition >= t->log_count)
        return ERR_NO_PARTITION;
    l = t->logs[a->partition];
    offset = a->offset == OFFSET_LATEST ? log_durable(e, l) : (uint64_t)a->offset;
    if (a->offset < OFFSET_LATEST || offset > log_durable(e, l))
        return ERR_OUT_OF_RANGE;
    if (offset > l->start)
        retention_cut(e, l, offset);
    a->log_start = l->start;
    return ERR_OK;
}

void retention_on_log_trim(struct engine *e, struct call *c)
{
    engine_answer(e, c, trim(e, (struct log_trim_call *)c));
}
