/*
 * cleaner.h - disk space comes back: extents that nobody needs any more go, also in the middle of a
 * log, and segments of which less than half is left are rewritten.
 *
 *   settled -> swept: what no queue needs is dropped from the index (EXTENT_MOVED without extents)
 *   a segment is SEALED and less than half live -> sparse -> walked: what is in it is known
 *       -> a move of its extents, of partly needed ones only the batches that are -> empty -> dropped
 *
 *   W1  Only topics that keep records until they are settled are swept (mover.h V2).
 *   W2  One segment is rewritten at a time.
 *   W3  A turn sweeps a bounded number of extents.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_CLEANER_H
#define ENGINE_CLEANER_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct log;
struct segment;

struct cleaner {
    struct list     settled; /* logs (log.in_settled) where something was settled since the last sweep */
    int64_t         sweep_ms; /* when the next sweep is due */
    struct segment *segment;  /* being rewritten, or NULL */
    bool            is_walking; /* and what is in it is not known yet */
    int64_t         retry_ms; /* after a full disk */
};

void cleaner_init(struct cleaner *c);
/* A queue settled something of the log. Cheap. */
void cleaner_note(struct engine *e, struct log *l);
/* At the end of a turn. */
void cleaner_on_turn(struct engine *e);
/* When it has something to do next; INT64_MAX: nothing is known of. */
int64_t cleaner_next_ms(const struct engine *e);

#endif
