/*
 * plan.h - what one seed does and what happens to it. Each seed switches a random half of all
 * features and faults off (a swarm): what always happens together never happens alone.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "draw.h"

#include <stddef.h>

/* name, what is on with it */
#define PLAN_LIST(X)                                                                               \
    X(CRASH, "power failures")                                                                     \
    X(KILL, "the process is killed")                                                               \
    X(STOP, "orderly restarts")                                                                    \
    X(CRASH_IN_RECOVERY, "the next end comes soon")                                                \
    X(FULL_DISK, "the disk is full for a while")                                                   \
    X(FAILED_WRITE, "a write fails")                                                               \
    X(FAILED_SYNC, "a sync fails")                                                                 \
    X(ROT, "a bit of what is stored changes")                                                      \
    X(LIES, "a write goes astray, once")                                                           \
    X(CHECKPOINTS, "checkpoints all the time")                                                     \
    X(SEGMENTS, "small journals, segments and caches")                                             \
    X(SMALL_FRAMES, "a turn takes many frames")                                                    \
    X(DIRECT, "appends straight to segments")                                                      \
    X(LITTLE_MEMORY, "little memory for leases")                                                   \
    X(LARGE, "large messages")                                                                     \
    X(BATCHES, "several records in a batch")                                                       \
    X(IDEMPOTENT, "producers with sequence numbers")                                               \
    X(READERS, "readers of logs")                                                                  \
    X(WORKERS, "leases by call")                                                                   \
    X(SUBSCRIBERS, "leases by subscription")                                                       \
    X(ORDERED, "queues in order of keys")                                                          \
    X(DELAYS, "delays")                                                                            \
    X(EXPIRY, "messages that expire")                                                              \
    X(RELEASES, "releases, rejections, extensions")                                                \
    X(STALE, "settling with old tokens")                                                           \
    X(NO_ACK, "leases that settle at once")                                                        \
    X(SUBSCRIPTIONS, "queues over topics of other names")                                          \
    X(DEFINERS, "topics and queues come and go")                                                   \
    X(PURGES, "purges")                                                                            \
    X(RETENTION, "logs lose what is old or too much")                                              \
    X(TRIMS, "logs are trimmed")                                                                   \
    X(COMPACTION, "of each key the last record stays")                                             \
    X(PRIVATE, "queues of one connection, or of their consumers")                                  \
    X(EXCHANGES, "exchanges and bindings")                                                         \
    X(GROUPS, "consumer groups")                                                                   \
    X(USERS, "users")                                                                              \
    X(TRANSACTIONS, "several calls at once")                                                       \
    X(TXNS, "transactions of Kafka")                                                               \
    X(COPIES, "copies in transactions")

enum feature {
#define X(name, text) HAS_##name,
    PLAN_LIST(X)
#undef X
        FEATURE_COUNT
};

struct plan {
    bool     has[FEATURE_COUNT];
    unsigned lives;
    unsigned steps; /* of one life */
    unsigned weights[5]; /* of the scheduler: client, turn, disk, mail, time */
};

/* To find out what a broken seed needs: what is off whatever the seed says. */
struct plan_mask {
    bool is_off[FEATURE_COUNT];
};

void plan_init(struct plan *p, const struct plan_mask *mask, struct draw *d);
const char *plan_text(enum feature f);
/* By its name in the list; FEATURE_COUNT: there is none. */
enum feature plan_find(const char *name);

#endif
