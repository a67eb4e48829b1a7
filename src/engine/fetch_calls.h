/*
 * fetch_calls.h - arguments and results of reads in fetch sessions (KIP-227): the engine remembers what a client reads,
 * is told only what changes, and answers only what has changed. See call.h for the rules of all calls.
 */
#ifndef ENGINE_FETCH_CALLS_H
#define ENGINE_FETCH_CALLS_H

#include "engine/topic_calls.h"

enum {
    FETCH_SESSIONS_MAX = 1000,           /* Kafka's max.incremental.fetch.session.cache.slots */
    FETCH_SESSION_PARTS_MAX = 500000,    /* of all sessions; 250 bytes each */
    FETCH_SESSION_EVICT_MS = 120 * 1000, /* Kafka's min.incremental.fetch.session.eviction.ms */
    FETCH_EPOCH_NEW = 0,
    FETCH_EPOCH_FINAL = -1,
};

struct fetch_forget {
    struct bytes name; /* null: by uuid */
    struct uuid  uuid;
    uint32_t     partition;
};

/*
 * Parks like a read (topic_calls.h). ERR_NO_SESSION, ERR_SESSION_EPOCH, ERR_SESSION_TOPICS (it names topics by the
 * other of name and uuid). An epoch of FETCH_EPOCH_NEW reads what the items say and begins a session, if there is room;
 * session_id 0 says that there was none. FETCH_EPOCH_FINAL ends one, and reads.
 */
struct fetch_call {
    struct call          call;
    struct bytes         ns;
    int32_t              session_id; /* in, out; 0: none */
    int32_t              epoch;      /* in */
    bool                 by_uuid;    /* in */
    bool                 committed_only; /* in */
    uint32_t             bytes_max, bytes_min; /* in */
    int64_t              wait_ms;    /* in */
    size_t               item_count; /* in: to be read from now on, or from elsewhere; err set: told so */
    struct read_item    *items;
    size_t               forget_count; /* in: not to be read any more */
    struct fetch_forget *forget;
    size_t               told_count; /* out; the caller drops the batches */
    struct read_item    *told;
};

#endif
