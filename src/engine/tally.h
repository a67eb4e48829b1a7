/*
 * tally.h - what a whole engine holds, in sums: arguments and results of CALL_TALLY, for metrics.
 * The law of conservation shows in them: routed = ready + leased + delayed + the sum of fates.
 *
 * It looks at every topic and queue once, 20 to 50 ns each.
 */
#ifndef ENGINE_TALLY_H
#define ENGINE_TALLY_H

#include "engine/call.h"
#include "engine/fate.h"

struct tally {
    uint64_t topics, logs, log_bytes; /* of batches as they are stored */
    uint64_t queues, exchanges, groups, consumers, users;
    uint64_t ready, leased, delayed;
    uint64_t routed;            /* these two of the queues that there are, since each was made */
    uint64_t fates[FATE_COUNT];
    uint64_t pending_bytes; /* journalled and not yet on disk */
    uint64_t journal_bytes; /* from the oldest position that is kept to the end */
};

struct tally_call {
    struct call  call;
    struct tally tally; /* out */
};

#endif
