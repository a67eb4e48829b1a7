/*
 * segment_fuzz.c - what lies in a segment is read back from a disk that may hold anything. The first
 * byte of the input says what the rest is:
 *
 *     0  the bytes of a segment: header, and extents one after the other
 *     1  an extent whose header is made right: fields from the input, checksums from us
 *
 * Whatever is accepted must be what segment.h promises: batches that fill the extent, in order.
 */
#include "base/crc32c.h"
#include "engine/segment.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { BATCHES_MAX = 4096 };

static void check(const struct extent_head *head, const struct log_entry *entries)
{
    uint64_t next = head->base;
    uint64_t position = 0;

    for (uint32_t i = 0; i < head->batches; i++) {
        if (entries[i].base_offset < next || entries[i].position != position ||
            entries[i].count == 0)
            abort();
        next = entries[i].base_offset + entries[i].count;
        position += entries[i].batch_len;
    }
    if (entries[0].base_offset != head->base || next != head->end || position != head->bytes)
        abort();
}

/* Returns what the extent takes, 0: it is none. */
static size_t read_extent(struct bytes b)
{
    static struct log_entry entries[BATCHES_MAX];
    struct extent_head      head;

    if (extent_head_decode(b, &head) != ERR_OK)
        return 0;
    if (head.bytes <= b.len - EXTENT_HEADER_BYTES && head.batches <= BATCHES_MAX &&
        extent_index(&head, bytes_of(b.at + EXTENT_HEADER_BYTES, head.bytes), entries) == ERR_OK)
        check(&head, entries);
    return (size_t)extent_size(head.bytes);
}

static void read_segment(struct bytes b)
{
    struct segment_head head;
    size_t              at = SEGMENT_HEADER_BYTES;

    if (segment_head_decode(b, &head) != ERR_OK)
        return;
    while (at < b.len) {
        size_t size = read_extent(bytes_of(b.at + at, b.len - at));

        if (size == 0)
            return;
        at += size;
    }
}

static void read_made_right(struct bytes b)
{
    struct rd          r = rd_of(b);
    struct extent_head head = { .log = 1 };
    uint8_t           *copy;

    head.base = rd_u64(&r);
    head.end = rd_u64(&r);
    head.batches = rd_u32(&r);
    head.append_ms = (int64_t)rd_u64(&r);
    if (r.failed)
        return;
    head.bytes = (uint32_t)rd_left(&r);
    head.crc = crc32c(0, r.at, head.bytes);
    copy = malloc(EXTENT_HEADER_BYTES + head.bytes);
    extent_head_encode(copy, &head);
    memcpy(copy + EXTENT_HEADER_BYTES, r.at, head.bytes);
    read_extent(bytes_of(copy, EXTENT_HEADER_BYTES + head.bytes));
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    if (len == 0 || len > 1 << 20)
        return 0;
    if (at[0] == 0)
        read_segment(bytes_of(at + 1, len - 1));
    else
        read_made_right(bytes_of(at + 1, len - 1));
    return 0;
}
