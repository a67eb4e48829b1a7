/*
 * scrub.h - stored batches are read again, slowly and for ever, so that damage is known before
 * somebody needs them.
 *
 *     resting --a day after the pass began--> at an extent --read, checked--> at the next ... --> resting
 *
 *   B1  It reads at most scrub_bytes_per_s, one extent after the other, on the thread that tidies.
 *   B2  What is damaged is treated as if a consumer had met it (load.h): said once on stderr, and
 *       never given to anybody.
 *   B3  A pass goes over every log that was there when it began. What is in memory anyway was
 *       checked when it came there and is passed over.
 *
 * Batches that still lie in the journal are few, and are checked when they are moved (move.h) and at
 * every start. Of what the system has in its page cache only the copy is looked at.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_SCRUB_H
#define ENGINE_SCRUB_H

#include "base/timers.h"

#include <stdbool.h>

struct engine;

enum { SCRUB_PASS_MS = 24 * 3600 * 1000 };

struct scrub {
    struct timer timer;
    uint64_t     bytes_per_s;
    int64_t      pass_ms;     /* when this pass began */
    size_t       slot;        /* of the next log, as idmap_next has it */
    uint64_t     log;         /* the one it is at, 0: none */
    uint64_t     offset;      /* in it */
    uint64_t     extents, bytes, passes; /* since the start */
};

/* After recovery. */
void scrub_start(struct engine *e, uint64_t bytes_per_s);
void scrub_stop(struct engine *e);

#endif
