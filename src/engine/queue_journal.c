/*
 * queue_journal.c - what happens to messages in queues, written to the journal and applied from it.
 *
 * Changes (docs/journal.md); runs are { lane, first offset, count } until the head ends, numbers
 * are uvarints, times varints:
 *   QUEUE_LEASED    queue id, flags (1 bound, 2 settled at once), deadline, now, runs
 *   QUEUE_SETTLED   queue id, fate, runs
 *   QUEUE_RELEASED  queue id, flags (1 free, reason << 1), ready time (0: at once), runs
 *   QUEUE_EXTENDED  queue id, deadline, runs
 *   QUEUE_PURGED    queue id, leased too
 *   QUEUE_STATE     queue id, { lane, offset, state, is bound, attempts, free attempts, first
 *                   leased, due } until the head ends; only in checkpoints
 *
 * That a delay has passed is not journalled: it follows from the time that the append or the
 * release named.
 *
 * Thread: the shard's.
 */
#include "engine/queue_int.h"

#include <assert.h>

/* ---- writing ---- */

void writer_init(struct queue_writer *w, struct engine *e)
{
    *w = (struct queue_writer){ .engine = e, .head = e->spare };
    buf_init(&e->spare);
}

void writer_fini(struct queue_writer *w)
{
    writer_flush(w);
    buf_fini(&w->engine->spare);
    w->engine->spare = w->head;
}

static void close_run(struct queue_writer *w)
{
    buf_uvarint(&w->head, w->lane);
    buf_uvarint(&w->head, w->first);
    buf_uvarint(&w->head, w->count);
}

void writer_flush(struct queue_writer *w)
{
    if (!w->queue)
        return;
    close_run(w);
    engine_change(w->engine, w->kind, &w->head, (struct slice){ 0 });
    buf_clear(&w->head);
    w->queue = NULL;
}

static void begin(struct queue_writer *w)
{
    buf_uvarint(&w->head, w->queue->id);
    if (w->kind != CHANGE_QUEUE_EXTENDED)
        buf_uvarint(&w->head, w->flags);
    if (w->kind != CHANGE_QUEUE_SETTLED)
        buf_varint(&w->head, w->time_ms);
    if (w->kind == CHANGE_QUEUE_LEASED)
        buf_varint(&w->head, w->engine->now_ms);
}

void writer_note(struct queue_writer *w, struct queue *q, enum change kind, uint64_t flags,
                 int64_t time_ms, const struct lane *lane, uint64_t offset)
{
    bool is_same = w->queue == q && w->kind == kind && w->flags == flags && w->time_ms == time_ms;

    if (is_same && w->lane == lane->index && w->first + w->count == offset) {
        w->count++;
        return;
    }
    if (is_same && w->head.len < WRITER_BYTES_MAX) {
        close_run(w);
    } else {
        writer_flush(w);
        w->queue = q;
        w->kind = kind;
        w->flags = flags;
        w->time_ms = time_ms;
        begin(w);
    }
    w->lane = lane->index;
    w->first = offset;
    w->count = 1;
}

/* ---- applying ---- */

static struct queue *get_queue(struct engine *e, struct rd *head)
{
    struct queue *q = queue_by_id(e, rd_uvarint64(head));

    if (!q)
        rd_fail(head);
    else
        queue_touch(q);
    return q;
}

/* The next run: false at the end, and with head failed when it does not lie inside the ledger. */
static bool next_run(struct rd *head, const struct queue *q, struct lane **lane, uint64_t *first,
                     uint64_t *count)
{
    uint64_t index;

    if (rd_left(head) == 0)
        return false;
    index = rd_uvarint64(head);
    *first = rd_uvarint64(head);
    *count = rd_uvarint64(head);
    if (head->failed || index >= q->ledger.lane_count) {
        rd_fail(head);
        return false;
    }
    *lane = &q->ledger.lanes[index];
    if (*first > (*lane)->end || *count > (*lane)->end - *first)
        rd_fail(head);
    return !head->failed;
}

enum err queue_apply_leased(struct engine *e, struct rd *head, struct bytes payload,
                            uint64_t position)
{
    struct queue      *q = get_queue(e, head);
    uint64_t           flags = rd_uvarint64(head);
    struct lease_terms terms = { .is_bound = flags & LEASED_BOUND };
    struct lane       *lane;
    uint64_t           first;
    uint64_t           count;

    (void)payload;
    (void)position;
    terms.deadline_ms = rd_varint64(head);
    terms.now_ms = rd_varint64(head);
    while (q && next_run(head, q, &lane, &first, &count))
        for (uint64_t i = 0; i < count; i++)
            if (flags & LEASED_NO_ACK)
                ledger_settle(lane, first + i);
            else
                ledger_lease(lane, first + i, &terms);
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

enum err queue_apply_settled(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    struct queue *q = get_queue(e, head);
    struct lane  *lane;
    uint64_t      first;
    uint64_t      count;

    (void)payload;
    (void)position;
    rd_uvarint64(head); /* the fate: for those who read the journal to explain */
    while (q && next_run(head, q, &lane, &first, &count))
        for (uint64_t i = 0; i < count; i++)
            ledger_settle(lane, first + i);
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

enum err queue_apply_released(struct engine *e, struct rd *head, struct bytes payload,
                              uint64_t position)
{
    struct queue *q = get_queue(e, head);
    uint64_t      flags = rd_uvarint64(head);
    int64_t       ready_ms = rd_varint64(head);
    struct lane  *lane;
    uint64_t      first;
    uint64_t      count;

    (void)payload;
    (void)position;
    while (q && next_run(head, q, &lane, &first, &count))
        for (uint64_t i = 0; i < count; i++) {
            struct held *h = ledger_find(lane, first + i);

            if (!h)
                return ERR_CORRUPT;
            held_release(h, ready_ms, flags & RELEASED_FREE);
        }
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

enum err queue_apply_extended(struct engine *e, struct rd *head, struct bytes payload,
                              uint64_t position)
{
    struct queue *q = get_queue(e, head);
    int64_t       deadline_ms = rd_varint64(head);
    struct lane  *lane;
    uint64_t      first;
    uint64_t      count;

    (void)payload;
    (void)position;
    while (q && next_run(head, q, &lane, &first, &count))
        for (uint64_t i = 0; i < count; i++) {
            struct held *h = ledger_find(lane, first + i);

            if (!h || h->state != HELD_LEASED || h->is_bound)
                return ERR_CORRUPT;
            held_extend(h, deadline_ms);
        }
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

enum err queue_apply_purged(struct engine *e, struct rd *head, struct bytes payload,
                            uint64_t position)
{
    struct queue *q = get_queue(e, head);
    bool          leased_too = rd_uvarint64(head) != 0;

    (void)payload;
    (void)position;
    if (head->failed)
        return ERR_CORRUPT;
    ledger_purge(&q->ledger, leased_too, queue_let_go, q);
    return ERR_OK;
}

/* ---- checkpoints ---- */

enum err queue_apply_state(struct engine *e, struct rd *head, struct bytes payload,
                           uint64_t position)
{
    struct queue *q = get_queue(e, head);

    (void)payload;
    (void)position;
    while (q && rd_left(head) > 0) {
        uint64_t    lane = rd_uvarint64(head);
        struct held like = { .offset = rd_uvarint64(head) };

        like.state = rd_u8(head);
        like.is_bound = rd_u8(head) != 0;
        like.attempts = rd_uvarint32(head);
        like.free_attempts = (uint16_t)rd_uvarint32(head);
        like.first_lease_ms = rd_varint64(head);
        like.due_ms = rd_varint64(head);
        if (head->failed || lane >= q->ledger.lane_count || like.state > HELD_DELAYED ||
            !ledger_restore(&q->ledger.lanes[lane], &like))
            return ERR_CORRUPT;
    }
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

static const struct queue *queue_of(const struct row *row)
{
    return CONTAINER(row, struct queue, state);
}

void queue_state_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, queue_of(row)->id);
}

static void write_held(void *ctx, struct held *h)
{
    struct buf *out = ctx;

    buf_uvarint(out, h->lane->index);
    buf_uvarint(out, h->offset);
    buf_u8(out, h->state == HELD_BLOCKED ? HELD_READY : h->state);
    buf_u8(out, h->is_bound);
    buf_uvarint(out, h->attempts);
    buf_uvarint(out, h->free_attempts);
    buf_varint(out, h->first_lease_ms);
    buf_varint(out, h->due_ms);
}

void queue_state_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct queue *q = queue_of(row);
    size_t              start;

    (void)e;
    buf_uvarint(out, q->id);
    start = out->len;
    for (uint32_t i = 0; i < q->ledger.lane_count; i++)
        lane_each(&q->ledger.lanes[i], write_held, out);
    if (out->len == start)
        buf_clear(out);
}
