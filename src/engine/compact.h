/*
 * compact.h - key compaction: of each key only the last record stays. Batches in, batches out.
 *
 * The rules are Kafka's. A pass first notes the keys of the part of a log that is dirty, new since
 * the last pass, as far as there is memory for keys; then it filters all batches from the start of
 * the log to where it stopped noting:
 *
 *     offsets   start ......... dirty ............ end ........... newest
 *               clean: a key     noted: key ->      left alone
 *               is here once     its last offset
 *
 *   C1  Of a key that was noted, records below its last offset go. A record without a key goes.
 *   C2  A record with a null value, a tombstone, stays until delete_retention_ms after the first
 *       pass that met it. That pass notes in the batch when this will be: the delete horizon
 *       (batch.h).
 *   C3  What stays keeps its offset, its place, its batch's producer, sequence, codec and
 *       lastOffsetDelta.
 *   C4  A batch of which nothing stays goes, unless it is the last one of its producer: then it
 *       stays without records, for its sequence.
 *   C5  What is not well-formed stays as it is: nobody knows what it is.
 *   C6  What was aborted with its transaction goes. The marker of a transaction goes
 *       delete_retention_ms after the first pass that met nothing of the transaction any more; that is
 *       noted in it as for a tombstone.
 *   C7  Filtering what was filtered with the same keys and time changes nothing.
 *
 * Memory: the table of keys, and one batch as it is stored, inflated, and as it becomes.
 *
 * Thread: one at a time; it touches nothing else.
 */
#ifndef ENGINE_COMPACT_H
#define ENGINE_COMPACT_H

#include "base/map.h"
#include "engine/batch.h"
#include "engine/key_offsets.h"

/* Notes the keys of a batch; false, and nothing is noted, when there may be no room for all of them:
 * the pass ends before it. */
bool compact_note(struct key_offsets *keys, uint64_t space, struct bytes batch,
                  uint64_t base_offset);

struct compact_pass {
    struct key_offsets *keys;
    uint64_t            space;
    int64_t             now_ms, delete_retention_ms;
    /* C4; last_offset is that of the batch. NULL: never. */
    bool (*is_last)(void *ctx, int64_t producer_id, uint64_t last_offset);
    /* C6; base_offset is that of a transactional batch. NULL: never. */
    bool (*is_aborted)(void *ctx, int64_t producer_id, uint64_t base_offset);
    void      *ctx;
    struct idmap open; /* producers with something transactional since their last marker */
    uint64_t   records_kept, records_gone;
    int64_t    horizon_ms; /* the soonest one of all batches that stay; INT64_MAX: none */
    struct buf records; /* scratch */
};

enum compact_answer {
    COMPACT_SAME, /* it stays as it is */
    COMPACT_LESS, /* out is what is left of it */
    COMPACT_GONE,
};

void compact_begin(struct compact_pass *p, struct key_offsets *keys, uint64_t space, int64_t now_ms,
                   int64_t delete_retention_ms);
/* base_offset is the true one, whatever the field says. out is appended to. */
enum compact_answer compact_batch(struct compact_pass *p, struct bytes batch, uint64_t base_offset,
                                  struct buf *out);
void compact_end(struct compact_pass *p);

#endif
