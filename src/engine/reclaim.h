/*
 * reclaim.h - memory of messages that were given back.
 *
 * A message that was leased once keeps its entry, which counts against leases_bytes_max, also when it is
 * ready again and nobody consumes its queue any more. When a queue waits for room (queue_lease.c H4),
 * all ledgers are gone through, some chunks at a time, and what can be folded is (ledger.h L8): it takes a
 * few bytes until somebody looks at it again.
 *
 *   idle --a queue is starved--> step after step --there is room, or nobody waits--> idle
 *                                    `--a whole pass that found nothing--> rest of a second --'
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_RECLAIM_H
#define ENGINE_RECLAIM_H

#include "base/timers.h"

struct engine;

struct reclaim {
    struct timer timer;
    size_t       slot;   /* where in engine.queues_id the next queue is looked for */
    uint64_t     queue;  /* that is looked at, or 0 */
    uint32_t     lane;   /* of it */
    uint64_t     chunk;  /* of that, the next */
    uint64_t     folded; /* in this pass */
};

void reclaim_init(struct engine *e);
void reclaim_stop(struct engine *e);
/* A queue waits for room. */
void reclaim_want(struct engine *e);

#endif
