/* segment.c - see segment.h. */
#include "engine/segment.h"
#include "base/crc32c.h"

#include <assert.h>
#include <stdlib.h>

static const uint8_t segment_magic[8] = { 'm', 'y', 'n', 'a', ' ', 's', 'e', 'g' };
static const uint8_t extent_magic[3] = { 'M', 'Y', 'X' };

enum {
    SEGMENT_CRC_AT = 40,
    EXTENT_CRC_AT = 60,
    BATCHES_MAX = (SEGMENT_BYTES_MAX / BATCH_HEADER_BYTES), /* of one extent: what bytes can hold */
};

void segment_head_encode(uint8_t out[SEGMENT_HEADER_BYTES], const struct segment_head *head)
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, segment_magic, sizeof segment_magic);
    put_u32(out + 8, SEGMENT_VERSION);
    put_u32(out + 12, head->shard);
    put_u64(out + 16, head->epoch);
    put_u64(out + 24, head->number);
    put_u64(out + 32, head->log);
    put_u32(out + SEGMENT_CRC_AT, crc32c(0, out, SEGMENT_CRC_AT));
}

enum err segment_head_decode(struct bytes b, struct segment_head *out)
{
    uint32_t version;

    if (b.len < SEGMENT_HEADER_BYTES || memcmp(b.at, segment_magic, sizeof segment_magic) != 0)
        return ERR_CORRUPT;
    version = get_u32(b.at + 8);
    if (version > SEGMENT_VERSION)
        return ERR_NEWER_FORMAT;
    if (version == 0 || get_u32(b.at + SEGMENT_CRC_AT) != crc32c(0, b.at, SEGMENT_CRC_AT))
        return ERR_CORRUPT;
    *out = (struct segment_head){ get_u32(b.at + 12), get_u64(b.at + 16), get_u64(b.at + 24),
                                  get_u64(b.at + 32) };
    return ERR_OK;
}

void extent_head_encode(uint8_t out[EXTENT_HEADER_BYTES], const struct extent_head *head)
{
    memcpy(out, extent_magic, sizeof extent_magic);
    out[3] = EXTENT_VERSION;
    put_u32(out + 4, head->batches);
    put_u64(out + 8, head->log);
    put_u64(out + 16, head->base);
    put_u64(out + 24, head->end);
    put_u32(out + 32, head->bytes);
    put_u32(out + 36, head->crc);
    put_u64(out + 40, (uint64_t)head->max_timestamp_ms);
    put_u64(out + 48, (uint64_t)head->append_ms);
    put_u32(out + 56, 0);
    put_u32(out + EXTENT_CRC_AT, crc32c(0, out, EXTENT_CRC_AT));
}

/* What no program of ours ever wrote, though its checksum is right. */
static bool is_sound(const struct extent_head *h)
{
    return h->batches > 0 && h->batches <= BATCHES_MAX && h->base < h->end &&
           h->bytes / BATCH_HEADER_BYTES >= h->batches && h->bytes <= BATCH_BYTES_MAX &&
           (h->bytes <= EXTENT_BYTES_MAX || h->batches == 1);
}

enum err extent_head_decode(struct bytes b, struct extent_head *out)
{
    if (b.len < EXTENT_HEADER_BYTES || memcmp(b.at, extent_magic, sizeof extent_magic) != 0 ||
        get_u32(b.at + EXTENT_CRC_AT) != crc32c(0, b.at, EXTENT_CRC_AT))
        return ERR_CORRUPT;
    if (b.at[3] > EXTENT_VERSION)
        return ERR_NEWER_FORMAT;
    *out = (struct extent_head){
        .log = get_u64(b.at + 8),
        .base = get_u64(b.at + 16),
        .end = get_u64(b.at + 24),
        .batches = get_u32(b.at + 4),
        .bytes = get_u32(b.at + 32),
        .crc = get_u32(b.at + 36),
        .max_timestamp_ms = (int64_t)get_u64(b.at + 40),
        .append_ms = (int64_t)get_u64(b.at + 48),
    };
    return is_sound(out) ? ERR_OK : ERR_CORRUPT;
}

/* The batch at the begin of `rest`; *next is the lowest offset it may have, and moves on. */
static enum err index_batch(const struct extent_head *head, struct bytes rest, uint64_t position,
                            uint64_t *next, struct log_entry *out)
{
    struct batch_head batch;
    size_t            len;

    if (batch_first(rest, &batch, &len) != ERR_OK)
        return ERR_CORRUPT;
    *out = (struct log_entry){
        .base_offset = (uint64_t)batch.base_offset,
        .position = position,
        .max_timestamp_ms = batch.max_timestamp_ms,
        .append_ms = (int64_t)((uint64_t)head->append_ms - (uint32_t)batch.leader_epoch),
        .batch_len = (uint32_t)len,
        .count = (uint32_t)batch.last_offset_delta + 1,
    };
    if (out->base_offset < *next || out->base_offset >= head->end ||
        out->count > head->end - out->base_offset)
        return ERR_CORRUPT;
    *next = out->base_offset + out->count;
    return ERR_OK;
}

enum err extent_index(const struct extent_head *head, struct bytes batches,
                      struct log_entry *entries)
{
    uint64_t next = head->base;
    size_t   at = 0;

    if (batches.len != head->bytes || crc32c(0, batches.at, batches.len) != head->crc)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < head->batches; i++) {
        enum err err = index_batch(head, bytes_of(batches.at + at, batches.len - at), at, &next,
                                   &entries[i]);

        if (err)
            return err;
        at += entries[i].batch_len;
    }
    return at == batches.len && entries[0].base_offset == head->base && next == head->end
               ? ERR_OK
               : ERR_CORRUPT;
}

/* ---- for tools ---- */

static enum err check_batches(const struct extent_head *head, struct bytes batches)
{
    struct log_entry *entries;
    enum err          err;

    if (batches.len != head->bytes || head->bytes / BATCH_HEADER_BYTES < head->batches)
        return ERR_CORRUPT;
    entries = mem_new(head->batches * sizeof *entries);
    err = extent_index(head, batches, entries);
    free(entries);
    return err;
}

void segment_each(struct bytes segment, segment_extent_fn *fn, void *ctx)
{
    uint64_t at = SEGMENT_HEADER_BYTES;

    while (at < segment.len) {
        struct bytes       rest = bytes_of(segment.at + at, segment.len - at);
        struct extent_head head;
        struct bytes       batches;

        if (extent_head_decode(rest, &head) != ERR_OK) {
            at += EXTENT_ALIGN;
            continue;
        }
        rest = bytes_of(rest.at + EXTENT_HEADER_BYTES, rest.len - EXTENT_HEADER_BYTES);
        batches = bytes_of(rest.at, rest.len < head.bytes ? rest.len : head.bytes);
        fn(ctx, at, &head, batches, check_batches(&head, batches));
        at += extent_size(head.bytes);
    }
}

/* ---- building one ---- */

void extent_begin(struct extent_writer *w, uint64_t log)
{
    w->head = (struct extent_head){ .log = log,
                                    .max_timestamp_ms = INT64_MIN,
                                    .append_ms = INT64_MIN };
    w->oldest_ms = INT64_MAX;
    buf_clear(&w->out);
    buf_grow(&w->out, EXTENT_HEADER_BYTES);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool extent_has_room(const struct extent_writer *w, const struct log_entry *entry)
{
    if (w->head.batches == 0)
        return true;
    return w->head.bytes <= EXTENT_BYTES_MAX &&
           entry->batch_len <= EXTENT_BYTES_MAX - w->head.bytes &&
           most(w->head.append_ms, entry->append_ms) - least(w->oldest_ms, entry->append_ms) <=
               UINT32_MAX;
}

void extent_add(struct extent_writer *w, const struct log_entry *entry, struct bytes batch)
{
    struct extent_head *h = &w->head;

    assert(batch.len == entry->batch_len && entry->base_offset >= h->end); /* G1 */
    if (h->batches == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 64;
        w->entries = mem_resize(w->entries, w->cap * sizeof *w->entries);
    }
    w->entries[h->batches] = *entry;
    w->entries[h->batches].position = h->bytes;
    if (h->batches++ == 0)
        h->base = entry->base_offset;
    h->end = entry->base_offset + entry->count;
    h->bytes += entry->batch_len;
    h->append_ms = most(h->append_ms, entry->append_ms);
    h->max_timestamp_ms = most(h->max_timestamp_ms, entry->max_timestamp_ms);
    w->oldest_ms = least(w->oldest_ms, entry->append_ms);
    buf_bytes(&w->out, batch);
}

void extent_end(struct extent_writer *w)
{
    uint8_t *batches = w->out.at + EXTENT_HEADER_BYTES;

    assert(w->head.batches > 0);
    for (uint32_t i = 0; i < w->head.batches; i++)
        batch_patch(batches + w->entries[i].position, w->entries[i].base_offset,
                    (uint32_t)(w->head.append_ms - w->entries[i].append_ms));
    w->head.crc = crc32c(0, batches, w->head.bytes);
    extent_head_encode(w->out.at, &w->head);
}

void extent_fini(struct extent_writer *w)
{
    buf_fini(&w->out);
    free(w->entries);
    *w = (struct extent_writer){ 0 };
}
