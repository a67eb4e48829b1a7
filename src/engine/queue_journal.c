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
 *   QUEUE_STATE     queue id, lane, chunk number, runs of the chunk (ledger_row.c); only in
 *                   checkpoints
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

void writer_note_run(struct queue_writer *w, struct queue *q, enum change kind, uint64_t flags,
                     int64_t time_ms, const struct lane *lane, uint64_t first, uint64_t count)
{
    bool is_same = w->queue == q && w->kind == kind && w->flags == flags && w->time_ms == time_ms;

    if (is_same && w->lane == lane->index && w->first + w->count == first) {
        w->count += count;
        return;
    }
    if (is_same && w->lane == lane->index && first + count == w->first) {
        w->first = first;
        w->count += count;
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
    w->first = first;
    w->count = count;
}

void writer_note(struct queue_writer *w, struct queue *q, enum change kind, uint64_t flags,
                 int64_t time_ms, const struct lane *lane, uint64_t offset)
{
    writer_note_run(w, q, kind, flags, time_ms, lane, offset, 1);
}

bool fate_ends_leases(enum fate fate)
{
    return fate == FATE_ACKED || fate == FATE_REJECTED || fate == FATE_DEAD_LETTERED;
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

/* Of a fate that ends leases, all of the run must be there to be settled. */
static bool settle_run(struct queue *q, struct lane *lane, uint64_t first, uint64_t count,
                       enum fate fate)
{
    bool     all = fate_ends_leases(fate);
    uint64_t n = ledger_settle_range(lane, first, count, fate, all, queue_let_go, q);

    return n == count || !all;
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
        if (flags & LEASED_NO_ACK ? !settle_run(q, lane, first, count, FATE_ACKED)
                                  : !ledger_lease_range(lane, first, count, &terms))
            return ERR_CORRUPT;
    return head->failed ? ERR_CORRUPT : ERR_OK;
}

enum err queue_apply_settled(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    struct queue *q = get_queue(e, head);
    uint64_t      fate = rd_uvarint64(head);
    struct lane  *lane;
    uint64_t      first;
    uint64_t      count;

    (void)payload;
    (void)position;
    if (fate >= FATE_COUNT)
        return ERR_CORRUPT;
    while (q && next_run(head, q, &lane, &first, &count))
        if (!settle_run(q, lane, first, count, (enum fate)fate))
            return ERR_CORRUPT;
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
    ledger_purge(&q->ledger, FATE_PURGED, leased_too, queue_let_go, q);
    return ERR_OK;
}

enum err queue_apply_state(struct engine *e, struct rd *head, struct bytes payload,
                           uint64_t position)
{
    struct queue *q = get_queue(e, head);
    uint64_t      lane = rd_uvarint64(head);
    uint64_t      chunk = rd_uvarint64(head);

    (void)payload;
    (void)position;
    if (head->failed || lane >= q->ledger.lane_count ||
        !ledger_restore(&q->ledger.lanes[lane], chunk, head))
        return ERR_CORRUPT;
    return ERR_OK;
}

/* ---- checkpoints: a row for each chunk that has something open ---- */

static const struct chunk *chunk_of(const struct row *row)
{
    return CONTAINER(row, struct chunk, row);
}

static const struct queue *queue_of_chunk(const struct chunk *c)
{
    return CONTAINER(c->lane->ledger, struct queue, ledger);
}

void queue_state_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    const struct chunk *c = chunk_of(row);

    (void)e;
    buf_u64(out, queue_of_chunk(c)->id);
    buf_u32(out, c->lane->index);
    buf_u64(out, c->number);
}

void queue_state_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct chunk *c = chunk_of(row);
    size_t              start;

    (void)e;
    buf_uvarint(out, queue_of_chunk(c)->id);
    buf_uvarint(out, c->lane->index);
    buf_uvarint(out, c->number);
    start = out->len;
    chunk_encode(c, out);
    if (out->len == start) /* R4 */
        buf_clear(out);
}
