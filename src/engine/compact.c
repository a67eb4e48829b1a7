/* compact.c - see compact.h. */
#include "engine/compact.h"
#include "engine/deflate.h"

/* The next record; its offset must be above the ones before and lie inside the batch. False at the
 * end, and with *err when the rest is malformed. *past: 0 at first. */
static bool next_record(struct batch_reader *reader, struct raw_record *r, int32_t *past,
                        enum err *err)
{
    if (!batch_next_raw(reader, r, err))
        return false;
    if (r->offset_delta < *past || r->offset_delta > reader->head.last_offset_delta) {
        *err = ERR_BAD_RECORD;
        return false;
    }
    *past = r->offset_delta < INT32_MAX ? r->offset_delta + 1 : INT32_MAX;
    return true;
}

/* ---- noting ---- */

static bool is_well_formed(struct batch_reader *reader)
{
    struct rd         records = reader->records;
    struct raw_record r;
    int32_t           past = 0;
    enum err          err = ERR_OK;

    while (next_record(reader, &r, &past, &err))
        ;
    reader->records = records;
    reader->read = 0;
    return err == ERR_OK;
}

static void note_keys(struct key_offsets *keys, uint64_t space, struct batch_reader *reader,
                      uint64_t base_offset)
{
    struct raw_record r;

    while (batch_next_raw(reader, &r, NULL))
        if (!bytes_is_null(r.key))
            key_offsets_put(keys, space, r.key, base_offset + (uint64_t)r.offset_delta);
}

bool compact_note(struct key_offsets *keys, uint64_t space, struct bytes batch,
                  uint64_t base_offset)
{
    struct batch_reader reader;
    bool                has_room;

    if (batch_open(&reader, batch) != ERR_OK)
        return true; /* C5 */
    has_room = key_offsets_room(keys) >= (size_t)reader.head.record_count;
    if (has_room && !(reader.head.attributes & BATCH_CONTROL) && is_well_formed(&reader)) /* C5 */
        note_keys(keys, space, &reader, base_offset);
    batch_close(&reader);
    return has_room;
}

/* ---- filtering ---- */

/* What is left of one batch. */
struct residue {
    int32_t count;
    bool    has_tombstone;
    int64_t max_timestamp_ms;
    bool    is_malformed;
};

static bool has_horizon(const struct batch_head *head)
{
    return head->attributes & BATCH_DELETE_HORIZON;
}

static bool stays(const struct compact_pass *p, const struct batch_head *head,
                  const struct raw_record *r, uint64_t base_offset)
{
    uint64_t latest;

    if (bytes_is_null(r->key))
        return false; /* C1 */
    latest = key_offsets_get(p->keys, p->space, r->key);
    if (latest != KEY_OFFSETS_NONE && latest > base_offset + (uint64_t)r->offset_delta)
        return false;
    if (!bytes_is_null(r->value))
        return true;
    return !has_horizon(head) || p->now_ms < head->base_timestamp_ms; /* C2 */
}

static int64_t timestamp_of(const struct batch_head *head, const struct raw_record *r)
{
    if (head->attributes & BATCH_APPEND_TIME)
        return head->max_timestamp_ms;
    return (int64_t)((uint64_t)head->base_timestamp_ms + (uint64_t)r->timestamp_delta);
}

/* Gathers what stays in p->records. */
static struct residue filter(struct compact_pass *p, struct batch_reader *reader,
                             uint64_t base_offset)
{
    struct residue    left = { .max_timestamp_ms = INT64_MIN };
    struct raw_record r;
    int32_t           past = 0;
    enum err          err = ERR_OK;

    buf_clear(&p->records);
    while (next_record(reader, &r, &past, &err)) {
        int64_t timestamp_ms = timestamp_of(&reader->head, &r);

        if (!stays(p, &reader->head, &r, base_offset))
            continue;
        buf_bytes(&p->records, r.whole);
        left.count++;
        left.has_tombstone |= bytes_is_null(r.value);
        if (timestamp_ms > left.max_timestamp_ms)
            left.max_timestamp_ms = timestamp_ms;
    }
    left.is_malformed = err != ERR_OK;
    return left;
}

/* The gathered records with their times told from another base. */
static void rebase(struct compact_pass *p, const struct batch_head *head, int32_t count,
                   int64_t base_ms)
{
    struct batch_reader reader = { .head = *head, .records = rd_of(buf_view(&p->records)) };
    struct raw_record   r;
    struct buf          moved;

    reader.head.record_count = count;
    buf_init(&moved);
    while (batch_next_raw(&reader, &r, NULL)) {
        int64_t delta = (int64_t)((uint64_t)timestamp_of(head, &r) - (uint64_t)base_ms);

        buf_varint(&moved, (int64_t)(1 + varint_len(delta) + r.tail.len));
        buf_u8(&moved, r.attributes);
        buf_varint(&moved, delta);
        buf_bytes(&moved, r.tail);
    }
    buf_fini(&p->records);
    p->records = moved;
}

static void write_batch(struct compact_pass *p, const struct batch_head *head, struct buf *out)
{
    size_t   start = out->len;
    unsigned codec = head->attributes & BATCH_CODEC_MASK;

    buf_grow(out, BATCH_HEADER_BYTES);
    if (codec == CODEC_NONE)
        buf_bytes(out, buf_view(&p->records));
    else
        deflate_records(codec, buf_view(&p->records), out);
    batch_seal_head(out->at + start, out->len - start, head);
}

static bool is_last(const struct compact_pass *p, const struct batch_head *head, uint64_t base)
{
    return p->is_last && head->producer_id >= 0 &&
           p->is_last(p->ctx, head->producer_id, base + (uint64_t)head->last_offset_delta);
}

/* C4: a header is all that stays. */
static enum compact_answer empty(struct compact_pass *p, const struct batch_head *was,
                                 uint64_t base, struct buf *out)
{
    struct batch_head head = *was;

    if (!is_last(p, was, base))
        return COMPACT_GONE;
    if (was->record_count == 0)
        return COMPACT_SAME;
    head.base_offset = (int64_t)base;
    head.attributes &= BATCH_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_NATIVE;
    head.base_timestamp_ms = -1;
    head.record_count = 0;
    buf_clear(&p->records);
    write_batch(p, &head, out);
    return COMPACT_LESS;
}

static void note_horizon(struct compact_pass *p, int64_t horizon_ms)
{
    if (horizon_ms < p->horizon_ms)
        p->horizon_ms = horizon_ms;
}

static int64_t later(int64_t now_ms, int64_t span_ms)
{
    return span_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + span_ms;
}

/* Some records stay: as they are, or fewer, or with a horizon. */
static enum compact_answer reduce(struct compact_pass *p, const struct batch_head *was,
                                  const struct residue *left, uint64_t base, struct buf *out)
{
    struct batch_head head = *was;
    bool              is_new = left->has_tombstone && !has_horizon(was);

    if (left->has_tombstone && !is_new)
        note_horizon(p, was->base_timestamp_ms);
    if (!is_new && left->count == was->record_count)
        return COMPACT_SAME;
    if (is_new) {
        head.attributes |= BATCH_DELETE_HORIZON;
        head.base_timestamp_ms = later(p->now_ms, p->delete_retention_ms);
        rebase(p, was, left->count, head.base_timestamp_ms);
        note_horizon(p, head.base_timestamp_ms);
    }
    head.base_offset = (int64_t)base;
    head.max_timestamp_ms = left->max_timestamp_ms;
    head.record_count = left->count;
    write_batch(p, &head, out);
    return COMPACT_LESS;
}

/* ---- transactions (C6) ---- */

static bool is_aborted(struct compact_pass *p, const struct batch_head *head, uint64_t base)
{
    if (!(head->attributes & BATCH_TRANSACTIONAL) || head->producer_id < 0)
        return false;
    idmap_put(&p->open, (uint64_t)head->producer_id, p);
    return p->is_aborted && p->is_aborted(p->ctx, head->producer_id, base);
}

/* Its one record as it is, with a time at which it may go. */
static void write_marker(struct compact_pass *p, const struct batch_head *was, struct bytes records,
                         uint64_t base, struct buf *out)
{
    struct batch_head head = *was;

    buf_clear(&p->records);
    buf_bytes(&p->records, records);
    head.base_offset = (int64_t)base;
    head.attributes |= BATCH_DELETE_HORIZON;
    head.base_timestamp_ms = later(p->now_ms, p->delete_retention_ms);
    rebase(p, was, was->record_count, head.base_timestamp_ms);
    write_batch(p, &head, out);
}

static enum compact_answer filter_marker(struct compact_pass *p, struct bytes batch,
                                         const struct batch_head *head, uint64_t base,
                                         struct buf *out)
{
    bool is_commit;

    if (!batch_read_marker(batch, &is_commit))
        return COMPACT_SAME; /* C5 */
    if (idmap_remove(&p->open, (uint64_t)head->producer_id))
        return COMPACT_SAME;
    if (has_horizon(head) && p->now_ms >= head->base_timestamp_ms)
        return COMPACT_GONE;
    if (has_horizon(head)) {
        note_horizon(p, head->base_timestamp_ms);
        return COMPACT_SAME;
    }
    write_marker(p, head,
                 bytes_of(batch.at + BATCH_HEADER_BYTES, batch.len - BATCH_HEADER_BYTES), base, out);
    note_horizon(p, later(p->now_ms, p->delete_retention_ms));
    return COMPACT_LESS;
}

void compact_begin(struct compact_pass *p, struct key_offsets *keys, uint64_t space, int64_t now_ms,
                   int64_t delete_retention_ms)
{
    *p = (struct compact_pass){ .keys = keys,
                                .space = space,
                                .now_ms = now_ms,
                                .delete_retention_ms = delete_retention_ms,
                                .horizon_ms = INT64_MAX };
    buf_init(&p->records);
    idmap_init(&p->open);
}

enum compact_answer compact_batch(struct compact_pass *p, struct bytes batch, uint64_t base_offset,
                                  struct buf *out)
{
    struct batch_reader reader;
    struct batch_head   head;
    struct residue      left;

    if (batch_open(&reader, batch) != ERR_OK)
        return COMPACT_SAME; /* C5 */
    head = reader.head;
    if (head.attributes & BATCH_CONTROL || is_aborted(p, &head, base_offset)) {
        batch_close(&reader);
        return head.attributes & BATCH_CONTROL ? filter_marker(p, batch, &head, base_offset, out)
                                               : empty(p, &head, base_offset, out);
    }
    left = filter(p, &reader, base_offset);
    batch_close(&reader);
    if (left.is_malformed)
        return COMPACT_SAME;
    p->records_kept += (uint64_t)left.count;
    p->records_gone += (uint64_t)(head.record_count - left.count);
    if (left.count == 0)
        return empty(p, &head, base_offset, out);
    return reduce(p, &head, &left, base_offset, out);
}

void compact_end(struct compact_pass *p)
{
    buf_fini(&p->records);
    idmap_fini(&p->open);
}
