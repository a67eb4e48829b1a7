/*
 * move.h - batches rewritten into new extents, in the background: out of the journal (mover.c), out
 * of segments of which little is left (cleaner.c), and without what compaction takes (compactor.c).
 *
 * A move has pieces: [from, to) of a log, with the sources of what is to be kept of it. It orders
 * the segments it fills, waits until their names are durable, and has the tidy thread read the
 * sources, write extents and sync them. Then the engine journals, piece by piece, what the log has
 * there from now on.
 *
 *   gathering --move_start--> waits for the journal --> written --its mail--> EXTENT_MOVED, applied
 *
 *   M1  EXTENT_MOVED is journalled only after the extents are on stable storage. What they replace
 *       goes only when that is durable, too: journal files when a later checkpoint is, segments when
 *       SEGMENT_DROPPED is.
 *   M2  Every batch that is moved passed its own checksum just before: damage is not copied.
 *   M3  A log is in one move at a time (log.is_moving). Meanwhile nothing but trimming takes
 *       anything from it below its end.
 *       A filter may change a batch or leave it out; what it gives is written as it is.
 *   M4  A piece with a source that cannot be read is not applied. A bad extent is quarantined as by a
 *       load; with a bad batch in the journal the log is left alone from then on.
 *   M5  What is being read does not go, though the log may lose it meanwhile: it is pinned in the
 *       journal, and segments are held. It is read by the tidy thread, and not through a mapping: a
 *       sector that cannot be read is M4.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_MOVE_H
#define ENGINE_MOVE_H

#include "engine/log_int.h"

/* A batch in the journal, or an extent. */
struct move_source {
    struct log_entry   entry; /* of the batch */
    struct extent_head extent; /* batches > 0: it is an extent, there: */
    struct blob_id     segment;
    uint64_t           at;
};

/* Of an extent source only batches that meet one of these are kept. */
struct move_range {
    uint64_t from, to;
};

struct move_piece {
    uint64_t            log, from, to;
    struct move_source *sources;
    size_t              source_count, source_cap;
    struct move_range  *ranges;
    size_t              range_count, range_cap;
    uint64_t            bytes;  /* of its sources */
    size_t              target; /* index */
    struct extent      *made;   /* out, without their segment */
    size_t              made_count, made_cap;
    size_t              bad; /* out: M4, index of a source; SIZE_MAX: none is */
};

/* A segment that is filled. */
struct move_target {
    struct segment *segment;
    struct blob_id  id;
    uint64_t        log;
    uint64_t        bytes; /* at most */
    struct blob    *blob;
    uint64_t        end;
};

enum move_answer { MOVE_SAME, MOVE_LESS /* out is what becomes of it */, MOVE_NOT };
/* What becomes of a batch of the log; out is empty. Called on the tidy thread, in order. */
typedef enum move_answer move_filter_fn(void *ctx, uint64_t log, const struct log_entry *entry,
                                        struct bytes batch, struct buf *out);

struct move {
    struct work         work;
    struct engine      *engine; /* NULL: it is gone */
    struct list         in_moves;
    struct shard       *shard;
    struct move_piece  *pieces;
    size_t              piece_count, piece_cap;
    struct move_target *targets;
    size_t              target_count, target_cap;
    uint64_t            position; /* of the journal, that must be durable before it is written */
    uint64_t            bytes;    /* of all sources */
    size_t              batches;  /* among the sources */
    enum err            err;
    void (*done)(struct engine *e, struct move *m); /* after all is applied; frees nothing */
    void           *ctx;
    move_filter_fn *filter;       /* NULL: all stays the same */
    bool            is_read_only; /* the filter looks, and everything stays where it is */
    void (*forget)(void *ctx);    /* instead of done, when the engine goes first. May be NULL */
};

struct move *move_new(struct engine *e, void (*done)(struct engine *e, struct move *m), void *ctx);
/* A new piece, the last one from now on. Sources are added in order of offset, each within it. */
void move_add_piece(struct move *m, struct log *l, uint64_t from, uint64_t to);
void move_add_batch(struct move *m, const struct log_entry *entry);
void move_add_extent(struct move *m, uint64_t log, const struct extent *x);
void move_add_range(struct move *m, uint64_t from, uint64_t to);
/* The move runs by itself from now on and is freed after done. A piece has at most
 * options.segment_bytes / 2. */
void move_start(struct move *m);
/* It was not started. */
void move_free(struct move *m);

#endif
