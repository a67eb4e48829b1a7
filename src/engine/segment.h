/*
 * segment.h - the format of segments: where batches lie for good.
 *
 * A segment is one blob (store/volume.h). Behind a header of 4096 bytes lie extents, each at a
 * multiple of 8, with zeros or anything between them: only what a journal record or the catalogue
 * names counts. An extent holds batches of one log, one after the other, in order of offset. All
 * integers are big-endian.
 *
 *   header     0 "myna seg"   8 u32 version   12 u32 shard   16 u64 epoch   24 u64 number
 *             32 u64 log id, 0: of several   40 u32 crc of bytes 0 to 39   44 zeros
 *
 *   extent     0 "MYX", u8 version   4 u32 batches   8 u64 log id   16 u64 base   24 u64 end
 *             32 u32 bytes of the batches   36 u32 crc of the batches   40 i64 highest timestamp
 *             48 i64 when the latest batch was appended   56 u32 zero   60 u32 crc of bytes 0 to 59
 *             64 the batches, as batch.h has them, with two fields outside their own CRC made use
 *                of: baseOffset is the true one, partitionLeaderEpoch tells how many milliseconds
 *                before the latest one of the extent this one was appended
 *
 *   G1  Batches fill an extent exactly: the first begins with base, each at or after the end of the
 *       one before, the last one ends at end. They may leave offsets out between and inside them.
 *   G2  An extent of more than EXTENT_BYTES_MAX holds a single batch.
 *
 * Thread: pure functions, any.
 */
#ifndef ENGINE_SEGMENT_H
#define ENGINE_SEGMENT_H

#include "engine/batch.h"

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_HEADER_BYTES = 4096,
    SEGMENT_BYTES_MAX = 256 << 20, /* but for a single extent that is larger */
    EXTENT_VERSION = 1,
    EXTENT_HEADER_BYTES = 64,
    EXTENT_BYTES_MAX = 4 << 20,
    EXTENT_ALIGN = 8,
};

struct segment_head {
    uint32_t shard;
    uint64_t epoch;
    uint64_t number;
    uint64_t log; /* 0: extents of several logs */
};

struct extent_head {
    uint64_t log;
    uint64_t base;
    uint64_t end;
    uint32_t batches;
    uint32_t bytes;
    uint32_t crc;
    int64_t  max_timestamp_ms;
    int64_t  append_ms;
};

/* One stored batch: what an index has of it. */
struct log_entry {
    uint64_t base_offset;
    uint64_t position; /* in the journal; of one in an extent: in the extent's batches */
    int64_t  max_timestamp_ms;
    int64_t  append_ms;
    uint32_t batch_len;
    uint32_t count; /* offsets from the first record to the last, both included */
};

void segment_head_encode(uint8_t out[SEGMENT_HEADER_BYTES], const struct segment_head *head);
/* ERR_CORRUPT; ERR_NEWER_FORMAT. */
MUST_CHECK enum err segment_head_decode(struct bytes b, struct segment_head *out);

void extent_head_encode(uint8_t out[EXTENT_HEADER_BYTES], const struct extent_head *head);
/* ERR_CORRUPT when b does not begin with the header of an extent; ERR_NEWER_FORMAT. */
MUST_CHECK enum err extent_head_decode(struct bytes b, struct extent_head *out);

/* Where the next extent may begin. */
static inline uint64_t extent_align(uint64_t at)
{
    return (at + EXTENT_ALIGN - 1) & ~(uint64_t)(EXTENT_ALIGN - 1);
}

/* What an extent takes in its segment. */
static inline uint64_t extent_size(uint32_t bytes)
{
    return EXTENT_HEADER_BYTES + extent_align(bytes);
}

/*
 * Checks the batches of an extent against its header and G1, their checksum first, and fills
 * entries, head->batches of them. ERR_CORRUPT. The batches' own checksums are not looked at.
 */
MUST_CHECK enum err extent_index(const struct extent_head *head, struct bytes batches,
                                 struct log_entry *entries);

/*
 * For tools: every extent whose header is whole, wherever it lies in a segment's bytes, in order.
 * err: ERR_OK, or ERR_CORRUPT when its batches are not what the header says; batches may then be
 * short. An extent that nothing names is given, too.
 */
typedef void segment_extent_fn(void *ctx, uint64_t at, const struct extent_head *head,
                               struct bytes batches, enum err err);
void segment_each(struct bytes segment, segment_extent_fn *fn, void *ctx);

/* ---- building one ---- */

/* Gathers batches into memory; for what is moved, not for what is appended directly. */
struct extent_writer {
    struct extent_head head;
    struct buf         out; /* header and batches */
    struct log_entry  *entries;
    size_t             cap;
    int64_t            oldest_ms; /* append_ms of the oldest */
};
void extent_begin(struct extent_writer *w, uint64_t log);
/* Whether the batch may follow: neither too much (G2) nor too long after the first. */
bool extent_has_room(const struct extent_writer *w, const struct log_entry *entry);
/* A copy of the batch, with entry's base offset. */
void extent_add(struct extent_writer *w, const struct log_entry *entry, struct bytes batch);
/* Fills in the header: w->out has the extent. w may begin again. */
void extent_end(struct extent_writer *w);
void extent_fini(struct extent_writer *w);

#endif
