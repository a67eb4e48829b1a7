/*
 * extent.c - extents in changes and checkpoints.
 *
 * Changes (docs/journal.md):
 *   EXTENT_MOVED  log id, from, to, extents: [from, to) of the log is what they have of it
 *
 * Each extent: segment, place in it, base, end - base, bytes, batches, u32 crc, max timestamp,
 * append_ms.
 *
 * Thread: the shard's.
 */
#include "engine/log_int.h"
#include "engine/retention.h"

#include <assert.h>
#include <stdlib.h>

void extent_put(struct buf *head, const struct extent *x)
{
    buf_uvarint(head, x->segment->id.number);
    buf_uvarint(head, x->at);
    buf_uvarint(head, x->base);
    buf_uvarint(head, x->end - x->base);
    buf_uvarint(head, x->bytes);
    buf_uvarint(head, x->batches);
    buf_u32(head, x->crc);
    buf_varint(head, x->max_timestamp_ms);
    buf_varint(head, x->append_ms);
}

bool extent_get(struct rd *head, struct extent *out, uint64_t *segment)
{
    uint64_t number = rd_uvarint64(head);
    uint64_t at = rd_uvarint64(head);
    uint64_t base = rd_uvarint64(head);
    uint64_t span = rd_uvarint64(head);
    uint64_t bytes = rd_uvarint64(head);
    uint64_t batches = rd_uvarint64(head);
    uint32_t crc = rd_u32(head);
    int64_t  max_timestamp_ms = rd_varint64(head);
    int64_t  append_ms = rd_varint64(head);

    *out = (struct extent){
        .base = base,
        .end = base + span,
        .max_timestamp_ms = max_timestamp_ms,
        .append_ms = append_ms,
        .at = (uint32_t)at,
        .bytes = (uint32_t)bytes,
        .batches = (uint32_t)batches,
        .crc = crc,
    };
    *segment = number;
    return !head->failed && at >= SEGMENT_HEADER_BYTES && at <= UINT32_MAX &&
           span > 0 && base <= INT64_MAX && span <= INT64_MAX - base && bytes <= BATCH_BYTES_MAX &&
           batches > 0 && bytes / BATCH_HEADER_BYTES >= batches;
}

struct extent_head extent_head_of(uint64_t log, const struct extent *x)
{
    return (struct extent_head){ log,      x->base, x->end,              x->batches,
                                 x->bytes, x->crc,  x->max_timestamp_ms, x->append_ms };
}

struct extent extent_of_head(const struct extent_head *head, uint32_t at)
{
    return (struct extent){ .base = head->base,
                            .end = head->end,
                            .max_timestamp_ms = head->max_timestamp_ms,
                            .append_ms = head->append_ms,
                            .at = at,
                            .bytes = head->bytes,
                            .batches = head->batches,
                            .crc = head->crc };
}

void extent_move(struct engine *e, struct log *l, uint64_t from, uint64_t to,
                 const struct extent *made, size_t count)
{
    struct buf head;
    bool       is_done;

    assert(to <= log_durable(e, l));
    if (l->start > from) /* S2: what was settled meanwhile is not brought back by a replay */
        retention_cut(e, l, l->start);
    buf_init(&head);
    buf_uvarint(&head, l->id);
    buf_uvarint(&head, from);
    buf_uvarint(&head, to);
    for (size_t i = 0; i < count; i++)
        extent_put(&head, &made[i]);
    engine_change(e, CHANGE_EXTENT_MOVED, &head, (struct slice){ 0 });
    buf_fini(&head);
    is_done = log_replace(e, l, from, to, made, count);
    assert(is_done);
    (void)is_done;
}

enum err extent_apply_moved(struct engine *e, struct rd *head, struct bytes payload,
                            uint64_t position)
{
    struct log    *l = idmap_get(&e->logs, rd_uvarint64(head));
    uint64_t       from = rd_uvarint64(head);
    uint64_t       to = rd_uvarint64(head);
    uint64_t       segment;
    struct buf     made;
    struct extent *x;
    bool           is_sound = l != NULL;

    (void)payload;
    (void)position;
    buf_init(&made);
    while (is_sound && rd_left(head) > 0) {
        x = (struct extent *)(void *)buf_grow(&made, sizeof *x);
        is_sound = extent_get(head, x, &segment) && (x->segment = room_find(e, segment)) != NULL;
    }
    if (is_sound)
        is_sound = log_replace(e, l, from, to, (struct extent *)(void *)made.at,
                               made.len / sizeof *x);
    buf_fini(&made);
    return is_sound ? ERR_OK : ERR_CORRUPT;
}
