/*
 * fate.h - what finally happened to a message in a queue: the one closed list that counters, journal, doors and tools
 * share. Every message that was ever routed to a queue is still there (ready, leased, delayed) or has exactly one of
 * these.
 */
#ifndef ENGINE_FATE_H
#define ENGINE_FATE_H

/* number on disk (QUEUE_SETTLED, the catalogue's queue rows), name, meaning. A number is never used again. */
#define FATE_LIST(X)                                                                               \
    X(0, ACKED, "acked", "its consumer said that it is done, or took it without asking to say so") \
    X(1, REJECTED, "rejected", "its consumer gave it up, and the queue has no place for such ones") \
    X(2, EXPIRED, "expired", "it was older than the queue keeps messages")                         \
    X(3, EVICTED, "evicted", "its topic dropped it first: by age, by size, or by request")         \
    X(4, COMPACTED, "compacted", "a later record of its key took its place")                       \
    X(5, DEAD_LETTERED, "dead-lettered", "it was moved to the queue for those that failed too often") \
    X(6, PURGED, "purged", "somebody emptied the queue")                                           \
    X(7, DAMAGED, "damaged", "the disk does not give it back as it was written")                   \
    X(8, ABORTED, "aborted", "its transaction was; or it is the mark at the end of one")

enum fate {
#define X(number, name, text, meaning) FATE_##name = number,
    FATE_LIST(X)
#undef X
        FATE_COUNT
};

/* "acked" ... */
const char *fate_text(enum fate fate);

#endif
