/*
 * log_row.c - the rows of a log: where it starts, and the index of the batches that lie in the
 * journal, in chunks.
 *
 * Changes, only in checkpoints (docs/journal.md):
 *   LOG_STATE    log id, start, first: base offset of its first entry, or its end
 *   LOG_ENTRIES  log id, first of the chunk, { base offset, position, length, count, max
 *                timestamp, append_ms } until the head ends
 *
 *   entries:   | forgotten | e e e e | e e e e e e | e e |
 *   chunks:          [first ......][first ......][first     the last one grows
 *
 *   LR1  Every entry lies in the chunk with the highest `first` that is not above it. Only the last
 *        chunk grows, and a row touch comes before that; it is closed when it has
 *        CHUNK_ENTRIES_MAX, or when it was written and has CHUNK_ENTRIES_MIN: so what is written
 *        again for nothing is little, and a log that is rarely appended to has not one row for each
 *        entry.
 *   LR2  A chunk goes when all its entries do. Until then its row still names those that went:
 *        loading forgets what is below `first` of LOG_STATE.
 *   LR3  An append changes nothing in LOG_STATE, only a trim does.
 *
 * Thread: the shard's.
 */
#include "engine/log_int.h"

#include <stdlib.h>

enum { CHUNK_ENTRIES_MIN = 64, CHUNK_ENTRIES_MAX = 1024 };

static struct log_chunk *last_chunk(const struct log *l)
{
    return list_empty(&l->chunks) ? NULL : CONTAINER(l->chunks.prev, struct log_chunk, in_log);
}

static struct log_chunk *add_chunk(struct log *l, uint64_t first)
{
    struct log_chunk *c = mem_new(sizeof *c);

    row_init(&c->row, ROW_LOG_CHUNK);
    c->log = l;
    c->first = first;
    list_push(&l->chunks, &c->in_log);
    return c;
}

static void remove_chunk(struct engine *e, struct log_chunk *c)
{
    row_remove(e, &c->row);
    list_remove(&c->in_log);
    free(c);
}

/* LR1 */
static bool is_closed(const struct log_chunk *c)
{
    return c->count >= (c->row.is_saved ? CHUNK_ENTRIES_MIN : CHUNK_ENTRIES_MAX);
}

void log_chunks_on_push(struct engine *e, struct log *l, uint64_t base_offset)
{
    struct log_chunk *c = last_chunk(l);

    if (!c || is_closed(c))
        c = add_chunk(l, base_offset);
    row_touch(e, &c->row);
    c->count++;
}

void log_chunks_on_trim(struct engine *e, struct log *l, uint64_t offset)
{
    while (!list_empty(&l->chunks)) {
        struct log_chunk *c = CONTAINER(l->chunks.next, struct log_chunk, in_log);
        struct list      *next = c->in_log.next;
        uint64_t          end =
            next == &l->chunks ? l->end : CONTAINER(next, struct log_chunk, in_log)->first;

        if (end > offset)
            break;
        remove_chunk(e, c);
    }
}

void log_chunks_fini(struct engine *e, struct log *l)
{
    while (!list_empty(&l->chunks))
        remove_chunk(e, last_chunk(l));
}

/* ---- rows ---- */

static const struct log *log_of(const struct row *row)
{
    return CONTAINER(row, struct log, row);
}

void log_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, log_of(row)->id);
}

void log_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct log         *l = log_of(row);
    const struct log_entries *es = &l->entries;

    (void)e;
    buf_uvarint(out, l->id);
    buf_uvarint(out, l->start);
    buf_uvarint(out, es->count > 0 ? es->at[es->first].base_offset : l->end);
}

static const struct log_chunk *chunk_of(const struct row *row)
{
    return CONTAINER(row, struct log_chunk, row);
}

void log_chunk_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    buf_u64(out, chunk_of(row)->log->id);
    buf_u64(out, chunk_of(row)->first);
}

void log_chunk_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct log_chunk *c = chunk_of(row);
    const struct log       *l = c->log;
    const struct list      *next = c->in_log.next;
    uint64_t                end =
        next == &l->chunks ? UINT64_MAX : CONTAINER(next, struct log_chunk, in_log)->first;
    const struct log_entry *past = l->entries.at + l->entries.first + l->entries.count;
    const struct log_entry *x = log_find(l, c->first > l->start ? c->first : l->start);

    (void)e;
    buf_uvarint(out, l->id);
    buf_uvarint(out, c->first);
    for (; x && x < past && x->base_offset < end; x++) {
        buf_uvarint(out, x->base_offset);
        buf_uvarint(out, x->position);
        buf_uvarint(out, x->batch_len);
        buf_uvarint(out, x->count);
        buf_varint(out, x->max_timestamp_ms);
        buf_varint(out, x->append_ms);
    }
}

/* ---- loading ---- */

enum err log_apply_state(struct engine *e, struct rd *head, struct bytes payload,
                         uint64_t position)
{
    struct log *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t    start = rd_uvarint64(head);
    uint64_t    first = rd_uvarint64(head);

    (void)payload;
    (void)position;
    if (head->failed || !l || l->end > 0 || start > INT64_MAX || first > start)
        return ERR_CORRUPT;
    row_touch(e, &l->row);
    l->start = start;
    l->end = first;
    l->durable = start;
    return ERR_OK;
}

static bool read_entry(struct rd *head, struct log_entry *x)
{
    uint64_t len;
    uint64_t count;

    x->base_offset = rd_uvarint64(head);
    x->position = rd_uvarint64(head);
    len = rd_uvarint64(head);
    count = rd_uvarint64(head);
    x->max_timestamp_ms = rd_varint64(head);
    x->append_ms = rd_varint64(head);
    x->batch_len = (uint32_t)len;
    x->count = (uint32_t)count;
    return !head->failed && len <= UINT32_MAX && count > 0 && count <= UINT32_MAX &&
           x->base_offset <= INT64_MAX - count;
}

static bool load_entry(struct log *l, const struct log_entry *x)
{
    if (l->entries.count == 0 && x->base_offset < l->end)
        return true; /* LR2 */
    if (x->base_offset != l->end)
        return false;
    log_push(l, x);
    return true;
}

enum err log_apply_entries(struct engine *e, struct rd *head, struct bytes payload,
                           uint64_t position)
{
    struct log       *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t          first = rd_uvarint64(head);
    struct log_chunk *c = l ? last_chunk(l) : NULL;
    struct log_entry  x;

    (void)payload;
    (void)position;
    if (head->failed || !l || (c && c->first >= first))
        return ERR_CORRUPT;
    c = add_chunk(l, first);
    row_touch(e, &c->row);
    for (; rd_left(head) > 0; c->count++)
        if (!read_entry(head, &x) || x.base_offset < first || !load_entry(l, &x))
            return ERR_CORRUPT;
    return ERR_OK;
}
