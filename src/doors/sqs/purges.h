/*
 * purges.h - remembers which queues were purged in the last minute, because a second purge within
 * 60 seconds is refused. The memory is this process's: after a restart a queue may be purged at
 * once. Thread: the owner's.
 */
#ifndef DOORS_SQS_PURGES_H
#define DOORS_SQS_PURGES_H

#include "base/map.h"

enum { PURGE_INTERVAL_MS = 60 * 1000 };

struct purges {
    struct idmap by_queue; /* queue id -> struct purge */
};

void purges_init(struct purges *p);
void purges_fini(struct purges *p);
/* True, and remembered, unless the queue was purged less than PURGE_INTERVAL_MS ago. */
bool purges_begin(struct purges *p, uint64_t queue_id, int64_t now_ms);

#endif
