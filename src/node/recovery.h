/*
 * recovery.h - how far a start is: a line on stderr each second when it takes longer than that, and
 * a figure for whoever wants to know whether the node is ready.
 *
 *     recovering: checkpoint, 41 %, 650 thousand rows/s
 *     recovering: journal, 73 %, 1.21 GB/s
 *
 * Thread: recovery_note and recovery_end the one that opens the engine; recovery_percent any.
 */
#ifndef NODE_RECOVERY_H
#define NODE_RECOVERY_H

#include "engine/engine.h"

#include <stdatomic.h>

struct recovery {
    int64_t           began_ms; /* of the stage */
    int64_t           told_ms;
    enum engine_stage stage;
    atomic_uint       percent; /* of the start; 100: ready */
};

void recovery_begin(struct recovery *r, int64_t now_ms);
/* engine_options.on_progress. True when a line was written to `line`: to be told. */
bool recovery_note(struct recovery *r, enum engine_stage stage, uint64_t done, uint64_t all,
                   int64_t now_ms, char line[80]);
void recovery_end(struct recovery *r);
/* 0 to 99 while the node starts, 100 when it is ready. */
unsigned recovery_percent(const struct recovery *r);

#endif
