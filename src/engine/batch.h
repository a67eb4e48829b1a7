/*
 * batch.h - the one record format: Kafka RecordBatch v2, bit for bit.
 *
 * Layout (big-endian; KIP-98, KIP-32), BATCH_HEADER_BYTES = 61:
 *
 *     0 baseOffset i64           8 batchLength i32 (bytes after this field)
 *    12 partitionLeaderEpoch i32 16 magic i8 = 2
 *    17 crc u32 (CRC-32C from 21 to the end)
 *    21 attributes i16           23 lastOffsetDelta i32
 *    27 baseTimestamp i64        35 maxTimestamp i64
 *    43 producerId i64           51 producerEpoch i16    53 baseSequence i32
 *    57 recordCount i32
 *    61 records, each: length varint | attributes i8 | timestampDelta varlong | offsetDelta varint
 *                      | keyLength varint, key | valueLength varint, value
 *                      | headerCount varint { keyLength, key, valueLength, value }
 *
 * baseOffset and partitionLeaderEpoch lie outside the CRC and are patched by the engine.
 * Attributes: bits 0-2 codec (0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd), 3 timestamp type (1 =
 * append time), 4 transactional, 5 control, 6 delete horizon: baseTimestamp, from which the records'
 * deltas count, is the time from which on tombstones of the batch may go (KIP-534).
 *
 * A batch that comes in is dense: recordCount is lastOffsetDelta + 1. One that was compacted
 * (compact.h) may lack some of its records, or all.
 *
 * The reserved header. A door that is not Kafka's keeps what its protocol needs to give a message
 * back exactly in one record header named by door ("myna-amqp", "myna-sqs", "myna-pubsub";
 * message.h). Readers of other doors do not show it.
 *
 * Thread: pure functions, any.
 */
#ifndef ENGINE_BATCH_H
#define ENGINE_BATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    BATCH_HEADER_BYTES = 61,
    BATCH_BYTES_MAX = 128 * 1024 * 1024,          /* no stored batch is larger */
    BATCH_INFLATED_BYTES_MAX = 256 * 1024 * 1024, /* no batch inflates to more */
    RECORD_HEADERS_MAX = 100000,
    RECORD_BYTES_MIN = 7,          /* a varint or octet for each of its fields */
    BATCH_RECORDS_MAX = 1 << 20,   /* of a compressed batch, whose records nobody has counted */
};

enum batch_codec { CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD };

enum {
    BATCH_CODEC_MASK = 0x07,
    BATCH_APPEND_TIME = 0x08,
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20,
    BATCH_NATIVE = 0x8000, /* ours: some record has a reserved header (message.h) */
    BATCH_DELETE_HORIZON = 0x40,
};

struct batch_head {
    int64_t  base_offset;
    int32_t  leader_epoch;
    uint32_t crc;
    uint16_t attributes;
    int32_t  last_offset_delta;
    int64_t  base_timestamp_ms;
    int64_t  max_timestamp_ms;
    int64_t  producer_id; /* -1: not idempotent */
    int16_t  producer_epoch;
    int32_t  base_sequence;
    int32_t  record_count;
};

/*
 * Reads and checks the header of exactly one stored batch that fills b. ERR_BAD_RECORD: length,
 * magic, count or delta wrong. Does not look at the CRC.
 */
MUST_CHECK enum err batch_head(struct bytes b, struct batch_head *out);
/* The same for one that comes in: it must be dense. */
MUST_CHECK enum err batch_head_dense(struct bytes b, struct batch_head *out);
/* batch_head for the first of stored batches that lie one after the other; *len is its size. */
MUST_CHECK enum err batch_first(struct bytes b, struct batch_head *out, size_t *len);
/* Whether a batch whose header was read is what its CRC says. */
bool batch_is_whole(struct bytes b, const struct batch_head *head);
/* batch_head and the CRC (ERR_CORRUPT). One pass over the bytes. */
MUST_CHECK enum err batch_check(struct bytes b, struct batch_head *out);
/* Overwrites baseOffset and partitionLeaderEpoch in place. */
void batch_patch(uint8_t *batch, uint64_t base_offset, uint32_t leader_epoch);
/* Sets append time: maxTimestamp, bit 3 and the CRC, in place. */
void batch_set_append_time(uint8_t *batch, size_t len, int64_t now_ms);

/* Writes all of the header but partitionLeaderEpoch, which becomes 0, and then the CRC. */
void batch_seal_head(uint8_t *batch, size_t len, const struct batch_head *head);

struct header {
    struct bytes name;
    struct bytes value; /* null is told from empty */
};

struct record {
    int32_t        offset_delta;
    int64_t        timestamp_ms;
    struct bytes   key;   /* null is told from empty */
    struct bytes   value; /* null is told from empty */
    size_t         header_count;
    struct header *headers; /* in the reader's arena, valid until the next batch_next */
};

/*
 * Walks the records of a batch. Inflates a compressed one (xerial and raw snappy, lz4 frames) into
 * an own buffer, bounded by BATCH_INFLATED_BYTES_MAX. key, value and headers borrow from the batch
 * or that buffer: valid until batch_close.
 */
struct batch_reader {
    struct batch_head head;
    struct rd         records;
    struct buf        inflated;
    struct arena      arena;
    int32_t           read;
};
MUST_CHECK enum err batch_open(struct batch_reader *r, struct bytes batch);
/* False at the end or when the rest is malformed (then *err is ERR_BAD_RECORD). err may be NULL. */
bool batch_next(struct batch_reader *r, struct record *out, enum err *err);
/* Steps forward to the record of this delta; false when there is none. */
bool batch_find(struct batch_reader *r, int32_t offset_delta, struct record *out);
void batch_close(struct batch_reader *r);

/* Of a dense one. ERR_NO_KEY: a record has none; ERR_BAD_RECORD: it cannot be read, or offsets do not
 * follow one another. Inflates a compressed one. */
MUST_CHECK enum err batch_check_keys(struct bytes batch);

/* The lowest timestamp of its records. ERR_BAD_RECORD. Inflates a compressed one. */
MUST_CHECK enum err batch_oldest_ms(struct bytes batch, int64_t *out);

/* A record as it is written, for those who pass it on without a look at its headers. */
struct raw_record {
    struct bytes whole; /* from its length on */
    struct bytes tail;  /* from its offsetDelta on */
    uint8_t      attributes;
    int64_t      timestamp_delta;
    int32_t      offset_delta;
    struct bytes key, value;
};
/* As batch_next; do not mix the two on one reader. */
bool batch_next_raw(struct batch_reader *r, struct raw_record *out, enum err *err);

/* The short way for an uncompressed batch of one record, which is what the doors other than
 * Kafka's write: no allocation. False when the batch is of another kind, has more than headers_max
 * headers or is malformed: use the reader. */
bool batch_read_single(struct bytes batch, struct record *out, struct header *headers, size_t headers_max);

/* Of a control batch: the mark at the end of a transaction, and of which kind (KIP-98). False: it is
 * something else. */
bool batch_read_marker(struct bytes batch, bool *is_commit);

/* Builds one uncompressed batch at the end of a buffer. */
struct batch_writer {
    struct buf *out;
    size_t      start;
    int32_t     count;
    int64_t     base_timestamp_ms;
    int64_t     max_timestamp_ms;
    uint16_t    attributes; /* a header's name may add BATCH_NATIVE */
};
void batch_begin(struct batch_writer *w, struct buf *out);
/* headers are written in order; key and value may be null. */
void batch_add(struct batch_writer *w, int64_t timestamp_ms, struct bytes key, struct bytes value,
               const struct header *headers, size_t header_count);
/* The same with an offset delta of its own; batch_end must not follow, for what it would say is not true. */
void batch_add_at(struct batch_writer *w, int32_t offset_delta, int64_t timestamp_ms, struct bytes key,
                  struct bytes value, const struct header *headers, size_t header_count);
/* Fills in the header and the CRC; at least one record was added. */
void batch_end(struct batch_writer *w);
/* For doors that lay out their records themselves, in place: fills in the first BATCH_HEADER_BYTES
 * of an uncompressed batch of len bytes whose records follow them, CRC last. */
void batch_seal(uint8_t *batch, size_t len, uint16_t attributes, int32_t count,
                int64_t base_timestamp_ms, int64_t max_timestamp_ms);
/* Whether stored bytes say that a record has a reserved header. Those with one are never compressed. */
bool batch_has_native(struct bytes batch);

#endif
