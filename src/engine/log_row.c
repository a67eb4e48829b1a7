/*
 * log_row.c - the rows of a log: where it starts, and the index of the batches that lie in the
 * journal, in chunks.
 *
 * Changes, only in checkpoints (docs/journal.md):
 *   LOG_STATE    log id, start, end, clean, horizon (compactor.h)
 *   LOG_ENTRIES  log id, first of the chunk, entry count, each { base offset, position, length,
 *                count, max timestamp, append_ms }, then extents as in EXTENT_MOVED (extent.c)
 *                until the head ends
 *
 *   entries, extents:   | forgotten | e e x e e | x x e e x e | e e |
 *   chunks:                   [first ......][first ......][first     the last one grows
 *
 *   LR1  Every entry and extent lies in the chunk with the highest `first` that is not above its
 *        base. Only the last chunk grows, and a row touch comes before that; it is closed when it
 *        has CHUNK_ENTRIES_MAX, or when it was written and has CHUNK_ENTRIES_MIN: so what is
 *        written again for nothing is little, and a log that is rarely appended to has not one row
 *        for each entry.
 *   LR2  A chunk goes when all it has does. Until then its row still names those that went:
 *        loading forgets what is below the log's start.
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

/* LR1: how many more the last one takes. */
static uint32_t room_of(const struct log_chunk *c)
{
    uint32_t most = c->row.is_saved ? CHUNK_ENTRIES_MIN : CHUNK_ENTRIES_MAX;

    return c->count < most ? most - c->count : 0;
}

/* The last chunk, which has room; a new one begins at base. */
static struct log_chunk *chunk_with_room(struct engine *e, struct log *l, uint64_t base)
{
    struct log_chunk *c = last_chunk(l);

    if (!c || room_of(c) == 0)
        c = add_chunk(l, base);
    row_touch(e, &c->row);
    return c;
}

void log_chunks_on_push(struct engine *e, struct log *l, uint64_t base)
{
    chunk_with_room(e, l, base)->count++;
}

void log_chunks_on_run(struct engine *e, struct log *l, const struct log_entry *entries,
                       uint32_t count)
{
    for (uint32_t i = 0, n; i < count; i += n) {
        struct log_chunk *c = chunk_with_room(e, l, entries[i].base_offset);

        n = room_of(c) > 0 ? room_of(c) : 1; /* the touch may have closed it */
        n = n < count - i ? n : count - i;
        c->count += n;
    }
}

static struct log_chunk *chunk_at(const struct list *node)
{
    return CONTAINER(node, struct log_chunk, in_log);
}

/* Where the chunk behind c begins. */
static uint64_t past_of(const struct log_chunk *c)
{
    return c->in_log.next == &c->log->chunks ? UINT64_MAX : chunk_at(c->in_log.next)->first;
}

/* The base of the first entry or extent that begins at offset or behind it; UINT64_MAX: none. */
static uint64_t base_from(const struct log *l, uint64_t offset)
{
    size_t   entry = log_entry_index(l, offset);
    size_t   extent = log_extent_index(l, offset);
    uint64_t base = UINT64_MAX;

    if (entry < l->entries.count && log_entries(l)[entry].base_offset < offset)
        entry++;
    if (extent < l->extents.count && log_extents(l)[extent].base < offset)
        extent++;
    if (entry < l->entries.count)
        base = log_entries(l)[entry].base_offset;
    if (extent < l->extents.count && log_extents(l)[extent].base < base)
        base = log_extents(l)[extent].base;
    return base;
}

void log_chunks_on_trim(struct engine *e, struct log *l, uint64_t offset)
{
    uint64_t base = log_next_base(l, offset);

    while (!list_empty(&l->chunks) && past_of(chunk_at(l->chunks.next)) <= base)
        remove_chunk(e, chunk_at(l->chunks.next));
}

void log_chunks_on_replace(struct engine *e, struct log *l, uint64_t from, uint64_t to)
{
    for (struct list *n = l->chunks.prev; n != &l->chunks; n = n->prev) {
        struct log_chunk *c = chunk_at(n);

        if (c->first < to && past_of(c) > from)
            row_touch(e, &c->row);
        if (c->first <= from)
            break;
    }
}

/* LR2: those that have nothing any more go; what they would have had is the one's before. */
void log_chunks_on_replaced(struct engine *e, struct log *l, uint64_t from, uint64_t to)
{
    struct list *n = l->chunks.prev;

    while (n != &l->chunks) {
        struct log_chunk *c = chunk_at(n);

        n = n->prev;
        if (c->first < from && past_of(c) <= from)
            break;
        if (c->first < to && base_from(l, c->first) >= past_of(c))
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
    const struct log *l = log_of(row);

    (void)e;
    buf_uvarint(out, l->id);
    buf_uvarint(out, l->start);
    buf_uvarint(out, l->end);
    buf_uvarint(out, l->clean);
    buf_varint(out, l->horizon_ms);
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

static void put_entries(struct buf *out, const struct log *l, uint64_t first, uint64_t past)
{
    const struct log_entry *at = log_entries(l);
    size_t                  i = log_entry_index(l, first > l->start ? first : l->start);
    size_t                  end;

    while (i < l->entries.count && at[i].base_offset < first)
        i++;
    for (end = i; end < l->entries.count && at[end].base_offset < past;)
        end++;
    buf_uvarint(out, end - i);
    for (; i < end; i++) {
        buf_uvarint(out, at[i].base_offset);
        buf_uvarint(out, at[i].position);
        buf_uvarint(out, at[i].batch_len);
        buf_uvarint(out, at[i].count);
        buf_varint(out, at[i].max_timestamp_ms);
        buf_varint(out, at[i].append_ms);
    }
}

void log_chunk_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    const struct log_chunk *c = chunk_of(row);
    const struct log       *l = c->log;
    const struct extent    *at = log_extents(l);
    uint64_t                past = past_of(c);

    (void)e;
    buf_uvarint(out, l->id);
    buf_uvarint(out, c->first);
    put_entries(out, l, c->first, past);
    for (size_t i = log_extent_index(l, c->first > l->start ? c->first : l->start);
         i < l->extents.count && at[i].base < past; i++)
        if (at[i].base >= c->first)
            extent_put(out, &at[i]);
}

/* ---- loading ---- */

enum err log_apply_state(struct engine *e, struct rd *head, struct bytes payload,
                         uint64_t position)
{
    struct log *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t    start = rd_uvarint64(head);
    uint64_t    end = rd_uvarint64(head);
    uint64_t    clean = rd_uvarint64(head);
    int64_t     horizon_ms = rd_varint64(head);

    (void)payload;
    (void)position;
    if (head->failed || !l || l->end > 0 || start > end || end > INT64_MAX || clean > end ||
        horizon_ms < 0)
        return ERR_CORRUPT;
    row_touch(e, &l->row);
    l->start = start;
    l->end = end;
    l->clean = clean;
    l->horizon_ms = horizon_ms;
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

static bool load_entry(struct engine *e, struct log *l, const struct log_chunk *c,
                       struct rd *head)
{
    const struct log_entry *last = log_entries(l) + l->entries.count;
    struct log_entry        x;

    if (!read_entry(head, &x) || x.base_offset < c->first || x.base_offset + x.count > l->end ||
        (l->entries.count > 0 && x.base_offset < last[-1].base_offset + last[-1].count))
        return false;
    if (x.base_offset + x.count > l->start) /* LR2 */
        log_load_entries(e, l, &x, 1);
    return true;
}

static bool load_extent(struct engine *e, struct log *l, const struct log_chunk *c,
                        struct rd *head)
{
    const struct extent *last = log_extents(l) + l->extents.count;
    struct extent        x;
    uint64_t             segment;

    if (!extent_get(head, &x, &segment) || x.base < c->first || x.end > l->end ||
        (l->extents.count > 0 && x.base < last[-1].end))
        return false;
    if (x.end <= l->start) /* LR2: its segment may be gone */
        return true;
    x.segment = room_find(e, segment);
    if (x.segment)
        log_load_extent(e, l, &x);
    return x.segment != NULL;
}

enum err log_apply_entries(struct engine *e, struct rd *head, struct bytes payload,
                           uint64_t position)
{
    struct log       *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t          first = rd_uvarint64(head);
    uint64_t          count = rd_uvarint64(head);
    struct log_chunk *c = l ? last_chunk(l) : NULL;

    (void)payload;
    (void)position;
    if (head->failed || !l || (c && c->first >= first))
        return ERR_CORRUPT;
    c = add_chunk(l, first);
    for (; count > 0; count--, c->count++)
        if (!load_entry(e, l, c, head))
            return ERR_CORRUPT;
    for (; rd_left(head) > 0; c->count++)
        if (!load_extent(e, l, c, head))
            return ERR_CORRUPT;
    row_touch(e, &c->row);
    return ERR_OK;
}
