/*
 * producer.c - idempotent publishing: identities, epochs and sequence numbers (KIP-98, KIP-360).
 *
 * Per log and producer id the epoch and the last five batches are kept. They need no journal
 * record of their own: every batch carries its id, epoch and sequence, so replaying the appends
 * rebuilds them; checkpoints store them as PRODUCER_STATE.
 *
 *   P1  A batch whose (first, last) sequence is one of the five is a duplicate and answers with
 *       the offset it had.
 *   P2  The next batch begins with the sequence after the last one (2^31 - 1 is followed by 0); a
 *       new epoch begins with 0.
 *   P3  Without state (never seen, or forgotten) any sequence begins.
 *
 * Changes (docs/journal.md):
 *   PRODUCER_MADE   producer id, epoch
 *   PRODUCER_STATE  log id, producer id, epoch, batch count, each { first sequence, last sequence,
 *   base offset, append_ms }
 *
 * Thread: the shard's.
 */
#include "engine/engine_int.h"

#include <assert.h>
#include <stdlib.h>

static int32_t sequence_add(int32_t sequence, int32_t n)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)n) & INT32_MAX);
}

bool producer_is_sound(const struct batch_head *head)
{
    return head->producer_id < 0 || (head->base_sequence >= 0 && head->producer_epoch >= 0);
}

enum err producer_check(const struct log *l, const struct batch_head *head,
                        struct producer_batch *first)
{
    const struct producer_state *p;
    int32_t                      last = sequence_add(head->base_sequence, head->last_offset_delta);

    if (head->producer_id < 0)
        return ERR_OK;
    if (!producer_is_sound(head))
        return ERR_BAD_RECORD;
    p = idmap_get(&l->producers, (uint64_t)head->producer_id);
    if (!p)
        return ERR_OK; /* P3 */
    if (head->producer_epoch < p->epoch)
        return ERR_FENCED_PRODUCER;
    if (head->producer_epoch > p->epoch)
        return head->base_sequence == 0 ? ERR_OK : ERR_BAD_SEQUENCE;
    for (int i = 0; i < p->count; i++)
        if (p->batches[i].first_sequence == head->base_sequence &&
            p->batches[i].last_sequence == last) {
            *first = p->batches[i]; /* P1 */
            return ERR_EXISTS;
        }
    if (head->base_sequence != sequence_add(p->batches[p->count - 1].last_sequence, 1))
        return ERR_BAD_SEQUENCE; /* P2 */
    return ERR_OK;
}

static struct producer_state *state_new(struct log *l, int64_t id)
{
    struct producer_state *p = mem_new(sizeof *p);

    row_init(&p->row, ROW_PRODUCER_STATE);
    p->log = l;
    p->id = id;
    return p;
}

static void state_free(struct engine *e, struct producer_state *p)
{
    row_remove(e, &p->row);
    free(p);
}

void producer_note(struct engine *e, struct log *l, const struct batch_head *head, uint64_t base_offset,
                   int64_t append_ms)
{
    struct producer_state *p = idmap_get(&l->producers, (uint64_t)head->producer_id);

    if (!p) {
        p = state_new(l, head->producer_id);
        p->epoch = head->producer_epoch;
        idmap_put(&l->producers, (uint64_t)p->id, p);
    }
    row_touch(e, &p->row);
    if (p->epoch != head->producer_epoch) {
        p->epoch = head->producer_epoch;
        p->count = 0;
    }
    if (p->count == PRODUCER_BATCHES)
        memmove(p->batches, p->batches + 1, sizeof p->batches[0] * --p->count);
    p->batches[p->count++] =
        (struct producer_batch){ head->base_sequence,
                                 sequence_add(head->base_sequence, head->last_offset_delta),
                                 base_offset, append_ms };
}

void producer_log_fini(struct engine *e, struct log *l)
{
    size_t                 at = 0;
    struct producer_state *p;

    while ((p = idmap_next(&l->producers, &at)) != NULL)
        state_free(e, p);
    idmap_fini(&l->producers);
}

static const struct producer_state *state_of(const struct row *row)
{
    return CONTAINER(row, struct producer_state, row);
}

void producer_state_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, state_of(row)->log->id);
    buf_u64(out, (uint64_t)state_of(row)->id);
}

void producer_state_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct producer_state *p = state_of(row);

    (void)e;
    buf_uvarint(out, p->log->id);
    buf_uvarint(out, (uint64_t)p->id);
    buf_uvarint(out, (uint64_t)p->epoch);
    buf_uvarint(out, p->count);
    for (int i = 0; i < p->count; i++) {
        buf_uvarint(out, (uint64_t)p->batches[i].first_sequence);
        buf_uvarint(out, (uint64_t)p->batches[i].last_sequence);
        buf_uvarint(out, p->batches[i].base_offset);
        buf_varint(out, p->batches[i].append_ms);
    }
}

/* As PRODUCER_STATE has it; false: that cannot be. */
static bool read_state(struct rd *head, struct producer_state *p)
{
    p->epoch = (int16_t)rd_uvarint64(head);
    p->count = (uint8_t)rd_uvarint64(head);
    if (p->epoch < 0 || p->count == 0 || p->count > PRODUCER_BATCHES)
        return false;
    for (int i = 0; i < p->count; i++) {
        p->batches[i].first_sequence = (int32_t)rd_uvarint64(head);
        p->batches[i].last_sequence = (int32_t)rd_uvarint64(head);
        p->batches[i].base_offset = rd_uvarint64(head);
        p->batches[i].append_ms = rd_varint64(head);
    }
    return !head->failed;
}

enum err producer_apply_state(struct engine *e, struct rd *head, struct bytes payload,
                              uint64_t position)
{
    struct log            *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t               id = rd_uvarint64(head);
    struct producer_state *p;

    (void)payload;
    (void)position;
    if (head->failed || !l || id > INT64_MAX || idmap_get(&l->producers, id))
        return ERR_CORRUPT;
    p = state_new(l, (int64_t)id);
    if (!read_state(head, p)) {
        state_free(e, p);
        return ERR_CORRUPT;
    }
    idmap_put(&l->producers, id, p);
    row_touch(e, &p->row);
    return ERR_OK;
}

/* ---- identities ---- */

struct producer {
    struct row row;
    int64_t id;
    int16_t epoch;
};

enum err producer_apply_made(struct engine *e, struct rd *head, struct bytes payload,
                             uint64_t position)
{
    uint64_t         id = rd_uvarint64(head);
    uint64_t         epoch = rd_uvarint64(head);
    struct producer *p = idmap_get(&e->producers, id);

    (void)payload;
    (void)position;
    if (head->failed || id > INT64_MAX || epoch > INT16_MAX)
        return ERR_CORRUPT;
    if (!p) {
        p = mem_new(sizeof *p);
        row_init(&p->row, ROW_PRODUCER);
        p->id = (int64_t)id;
        idmap_put(&e->producers, id, p);
    }
    row_touch(e, &p->row);
    p->epoch = (int16_t)epoch;
    if (p->id > e->last_producer)
        e->last_producer = p->id;
    return ERR_OK;
}

static void encode_made(struct buf *b, int64_t id, int16_t epoch)
{
    buf_uvarint(b, (uint64_t)id);
    buf_uvarint(b, (uint64_t)epoch);
}

static const struct producer *producer_of(const struct row *row)
{
    return CONTAINER(row, struct producer, row);
}

void producer_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, (uint64_t)producer_of(row)->id);
}

void producer_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    encode_made(out, producer_of(row)->id, producer_of(row)->epoch);
}

void producer_fini(struct engine *e)
{
    size_t           at = 0;
    struct producer *p;

    while ((p = idmap_next(&e->producers, &at)) != NULL)
        free(p);
    idmap_fini(&e->producers);
}

/* KIP-360: a producer that names its present id and epoch gets the next epoch; a stale epoch is
 * fenced; else a new id. */
static enum err choose(struct engine *e, struct producer_init_call *a)
{
    struct producer *p =
        a->producer_id >= 0 ? idmap_get(&e->producers, (uint64_t)a->producer_id) : NULL;

    if (p && a->producer_epoch >= 0) {
        if (a->producer_epoch < p->epoch)
            return ERR_FENCED_PRODUCER;
        if (p->epoch < INT16_MAX - 1) {
            a->producer_epoch = (int16_t)(p->epoch + 1);
            return ERR_OK;
        }
    }
    a->producer_id = e->last_producer + 1;
    a->producer_epoch = 0;
    return ERR_OK;
}

void producer_on_init(struct engine *e, struct call *c)
{
    struct producer_init_call *a = (struct producer_init_call *)c;
    enum err                   err = choose(e, a);
    struct buf                 b;
    struct rd                  r;

    if (err == ERR_OK) {
        buf_init(&b);
        encode_made(&b, a->producer_id, a->producer_epoch);
        engine_change(e, CHANGE_PRODUCER_MADE, &b, (struct slice){ 0 });
        r = rd_of(buf_view(&b));
        err = producer_apply_made(e, &r, bytes_of(NULL, 0), 0);
        assert(err == ERR_OK);
        buf_fini(&b);
    }
    engine_answer(e, c, err);
}
