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

enum err producer_check(const struct log *l, const struct batch_head *head,
                        struct producer_batch *first)
{
    const struct producer_state *p;
    int32_t                      last = sequence_add(head->base_sequence, head->last_offset_delta);

    if (head->producer_id < 0)
        return ERR_OK;
    if (head->base_sequence < 0 || head->producer_epoch < 0)
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

void producer_note(struct log *l, const struct batch_head *head, uint64_t base_offset,
                   int64_t append_ms)
{
    struct producer_state *p = idmap_get(&l->producers, (uint64_t)head->producer_id);

    if (!p) {
        p = mem_new(sizeof *p);
        p->id = head->producer_id;
        p->epoch = head->producer_epoch;
        idmap_put(&l->producers, (uint64_t)p->id, p);
    }
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

void producer_log_fini(struct log *l)
{
    size_t                 at = 0;
    struct producer_state *p;

    while ((p = idmap_next(&l->producers, &at)) != NULL)
        free(p);
    idmap_fini(&l->producers);
}

void producer_log_save(struct save *s, const struct log *l)
{
    size_t                 at = 0;
    struct producer_state *p;
    struct buf             b;

    buf_init(&b);
    while ((p = idmap_next(&l->producers, &at)) != NULL) {
        buf_clear(&b);
        buf_uvarint(&b, l->id);
        buf_uvarint(&b, (uint64_t)p->id);
        buf_uvarint(&b, (uint64_t)p->epoch);
        buf_uvarint(&b, p->count);
        for (int i = 0; i < p->count; i++) {
            buf_uvarint(&b, (uint64_t)p->batches[i].first_sequence);
            buf_uvarint(&b, (uint64_t)p->batches[i].last_sequence);
            buf_uvarint(&b, p->batches[i].base_offset);
            buf_varint(&b, p->batches[i].append_ms);
        }
        s->change(s, CHANGE_PRODUCER_STATE, &b);
    }
    buf_fini(&b);
}

enum err producer_apply_state(struct engine *e, struct rd *head, struct bytes payload,
                              uint64_t position)
{
    struct log            *l = idmap_get(&e->logs, rd_uvarint64(head));
    struct producer_state *p = mem_new(sizeof *p);

    (void)payload;
    (void)position;
    p->id = (int64_t)rd_uvarint64(head);
    p->epoch = (int16_t)rd_uvarint64(head);
    p->count = (uint8_t)rd_uvarint64(head);
    if (head->failed || !l || p->count == 0 || p->count > PRODUCER_BATCHES) {
        free(p);
        return ERR_CORRUPT;
    }
    for (int i = 0; i < p->count; i++) {
        p->batches[i].first_sequence = (int32_t)rd_uvarint64(head);
        p->batches[i].last_sequence = (int32_t)rd_uvarint64(head);
        p->batches[i].base_offset = rd_uvarint64(head);
        p->batches[i].append_ms = rd_varint64(head);
    }
    free(idmap_put(&l->producers, (uint64_t)p->id, p));
    return ERR_OK;
}

/* ---- identities ---- */

struct producer {
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
        p->id = (int64_t)id;
        idmap_put(&e->producers, id, p);
    }
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

void producer_save(struct engine *e, struct save *s)
{
    size_t           at = 0;
    struct producer *p;
    struct buf       b;

    buf_init(&b);
    while ((p = idmap_next(&e->producers, &at)) != NULL) {
        buf_clear(&b);
        encode_made(&b, p->id, p->epoch);
        s->change(s, CHANGE_PRODUCER_MADE, &b);
    }
    buf_fini(&b);
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
