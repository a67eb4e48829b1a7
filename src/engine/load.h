/*
 * load.h - cold batches in memory: those of extents, and of the journal (recall.h).
 *
 * What is in an extent is known while it is loaded: then there is an entry for each of its batches,
 * and the bytes are a slice over the segment's mapping, with its pages in memory. A load is read and
 * checked on the shard's reader thread; whoever needs it waits. What was appended directly is loaded
 * from the start. Loads are kept up to a budget of bytes, the longest unused go first.
 *
 *   cold --load_want--> on its way --its mail--> loaded --budget--> cold
 *                           `-----unreadable-----> bad: a line on stderr, once
 *
 *   D1  The engine thread touches the bytes of loaded extents only.
 *   D2  What was loaded passed the checksum and holds exactly the batches that its header tells.
 *   D3  Nothing that is not yet on disk is dropped (log.c L4).
 *   D4  Loads go only in load_shrink, at the end of a turn: so a log_at stays valid until then, and
 *       whoever waited for a load meets it, however small the budget is.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_LOAD_H
#define ENGINE_LOAD_H

#include "base/block.h"
#include "base/list.h"
#include "engine/segment.h"
#include "store/blob.h"

struct engine;
struct extent;
struct log;
struct reading;

struct load {
    struct list      in_cache; /* engine.loads, the longest unused first; or among those that go */
    uint64_t         log, base, end; /* of the extent it belongs to, or the batches */
    uint64_t         position;  /* of the journal, from which on it is on disk; 0: it always was */
    struct slice     bytes;     /* the batches */
    uint64_t         size;      /* against the budget */
    uint32_t         count;
    bool             is_sparse;   /* some of its batches lack records (sparse.h) */
    bool             is_recalled; /* its batches are the journal's, not an extent's: recall.h */
    bool             is_behind;   /* of those: its log begins behind it, and knows it no more */
    struct reading  *reading;     /* of those: on its way, and its entries are the reader thread's */
    struct log_entry entries[]; /* their position is in `bytes` */
};

struct loads {
    struct list cache;
    struct list retired; /* of no use any more */
    struct list in_flight; /* struct reading (load.c) */
    size_t      flights;
    uint64_t    bytes, bytes_max;
};

/* Who waits. Linked to itself while it does not. */
struct load_wait {
    struct list in_load;
    void (*on_load)(struct engine *e, struct load_wait *w);
};

/* Reads an extent and checks that it is the one that is wanted. entries: room for want->batches.
 * ERR_CORRUPT, ERR_DISK_FAILED. Blocking, any thread. */
MUST_CHECK enum err extent_load(struct shard *shard, struct blob_id segment, uint64_t at,
                                const struct extent_head *want, struct log_entry *entries,
                                struct slice *batches);

void load_init(struct loads *s, uint64_t bytes_max);
void load_fini(struct engine *e);

/* What is at this offset of the log, or the first behind it, is cold and wanted; w, when it is not
 * NULL and does not wait yet, is told when it is loaded or turns out to be bad, or when it is gone:
 * then look again. */
void load_want(struct engine *e, struct log *l, uint64_t offset, struct load_wait *w);
/* Somebody will want what comes behind this load soon. */
void load_ahead(struct engine *e, struct log *l, const struct load *load);
/* Reads a cold extent as if it were wanted, when there is time, and keeps it only if it is wanted by
 * then: so that a bad one is known. */
void load_check(struct engine *e, const struct log *l, struct extent *x);
/* A load of the extent's batches, whose bytes are still to be written. Takes over the hold. */
struct load *load_add(struct engine *e, const struct log *l, const struct extent *x,
                      struct slice bytes);
/* The extent goes. */
void load_drop(struct engine *e, struct extent *x);
/* It is of no use any more and goes at the end of the turn. */
void load_retire(struct engine *e, struct load *load);
/* It was used: it stays longer. */
void load_touch(struct engine *e, struct load *load);
/* Down to the budget: D4. */
void load_shrink(struct engine *e);
/* The extent that is at this place of the log and the segment cannot be read; gone already is fine. */
void load_quarantine(struct engine *e, const struct extent_head *want, struct blob_id segment,
                     uint64_t at, enum err err);
bool load_is_idle(const struct engine *e);

#endif
