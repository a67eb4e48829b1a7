/*
 * mover.h - batches that are to stay go from the journal to segments, so that the journal can be
 * trimmed; what nobody needs any more is left behind.
 *
 * When the batches in the journal hold more of it than options.journal_bytes_max, or their entries
 * take more memory than options.index_bytes_max, the oldest are moved until half of that is left,
 * in moves of at most MOVE_BYTES_MAX. A log with much to move gets extents in a segment of its own;
 * of the others each gets what it has in one place of a segment that they share.
 *
 *   V1  Only what is on disk is moved.
 *   V2  A batch of a topic that keeps records until they are settled is dropped instead when no
 *       queue needs any of it, also in the middle of its log. A topic without queues keeps all.
 *   V3  A turn looks at a bounded number of logs and batches.
 *   V4  A log that each time has little to move gets many small extents, each of which takes memory
 *       for ever: when there are SMALL_EXTENTS in a row, they are taken along and become one.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_MOVER_H
#define ENGINE_MOVER_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct extent;
struct log;
struct move;

/* All moves of the engine (move.c). */
struct moves {
    struct list waiting; /* for the journal */
    struct list writing;
    uint64_t    bytes; /* written since the start */
};
void move_init(struct moves *s);
void move_fini(struct engine *e);
void move_on_durable(struct engine *e);
bool move_is_idle(const struct engine *e);

struct mover {
    struct list  logs; /* those with something in the journal (log.in_journal) */
    size_t       log_count;
    bool         is_active; /* goes on until it is down to half */
    struct move *move;      /* gathering, or under way */
    bool         is_started; /* the latter */
    uint64_t     cut;       /* what lies below it is moved */
    size_t       logs_left; /* to look at, of this round */
    uint64_t     looked_at; /* end of the journal when it last looked */
    uint64_t     held;      /* how much of it was held then */
    int64_t      retry_ms;  /* after a full disk */
};

void mover_init(struct mover *v);
/* At the end of a turn. */
void mover_on_turn(struct engine *e);
/* It has not looked at all logs yet: the next turn should come at once. */
bool mover_wants_turn(const struct engine *e);
/* More comes than it can move, far beyond what the journal may hold: what comes must wait. */
bool mover_is_behind(const struct engine *e);
/* Adds an extent to the present piece, with what of it somebody needs. */
void mover_add_extent(struct move *m, const struct log *l, const struct extent *x);
/* Whether what lies in [from, to) of the log may go. */
bool mover_is_unneeded(const struct log *l, uint64_t from, uint64_t to);

#endif
