/*
 * call.h - the engine's waist: every request of every door is one struct call.
 *
 *   C1  A call is answered exactly once: done() runs on the thread of its home mailbox, with err
 *       and results filled in.
 *   C2  Between submit and done() the engine owns the call with everything in its arena; before
 *       and after, the door does.
 *   C3  An answer shows nothing that a crash could take back: it leaves only after all that the
 *       engine had journalled when it answered is on disk. `relaxed` calls are the exception; they
 *       promise nothing and leave at once.
 *   C4  Answers and deliveries to one home leave in the order in which the engine made them; a
 *       parked call (a long poll, a join) is made later, all others in the order of their
 *       submission.
 *   C5  A session (one client connection) must submit CALL_SESSION_CLOSE before it is freed and
 *       stay until that is answered; nothing of the session arrives after it.
 *   C6  After a crash all that a call changed is there or nothing of it: it is one group of the
 *       journal. CALL_APPEND is the exception: there each item is. What happens by itself, by time or
 *       because messages are handed out, is as whole as its change records.
 *
 *     door: call_new, fill in --submit--> engine: parked? --> answered
 *                                           --journal durable--> home: done() --> call_free
 *
 * The kinds and their arguments: topic_calls.h (topics, append, read, producers), queue_calls.h
 * (queues, leases, subscriptions), exchange_calls.h (exchanges, bindings, publish), group_calls.h
 * (Kafka consumer groups and offsets), group_policy_calls.h (what groups are told to do), user_calls.h
 * (users and their credentials), acl_calls.h (what Kafka clients may do), quota_calls.h (and how
 * much), txn_calls.h (Kafka's transactions), transact_calls.h (several calls at once). Bytes in
 * arguments are copied into the call's arena by the door (call_bytes) or outlive the call.
 */
#ifndef ENGINE_CALL_H
#define ENGINE_CALL_H

#include "base/block.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mail.h"
#include "base/mem.h"
#include "base/timers.h"

/* kind, module that handles it */
#define CALL_LIST(X)                                                                               \
    X(TOPIC_CREATE, topic_on_create)                                                               \
    X(TOPIC_ALTER, topic_on_alter)                                                                 \
    X(TOPIC_DELETE, topic_on_delete)                                                               \
    X(TOPIC_GET, topic_on_get)                                                                     \
    X(TOPIC_SIZES, topic_on_sizes)                                                                 \
    X(APPEND, append_on_append)                                                                    \
    X(FETCH, fetch_session_on_fetch)                                                               \
    X(READ, read_on_read)                                                                          \
    X(LIST_OFFSETS, read_on_list_offsets)                                                          \
    X(LOG_TRIM, retention_on_log_trim)                                                             \
    X(PRODUCER_INIT, producer_on_init)                                                             \
    X(QUEUE_DECLARE, queue_on_declare)                                                             \
    X(QUEUE_DELETE, queue_on_delete)                                                               \
    X(QUEUE_PURGE, queue_on_purge)                                                                 \
    X(QUEUE_ALTER, queue_on_alter)                                                                 \
    X(QUEUE_GET, queue_on_get)                                                                     \
    X(LEASE, queue_on_lease)                                                                       \
    X(SETTLE, queue_on_settle)                                                                     \
    X(SUBSCRIBE, consumer_on_subscribe)                                                            \
    X(UNSUBSCRIBE, consumer_on_unsubscribe)                                                        \
    X(CREDIT, consumer_on_credit)                                                                  \
    X(LIMITER_SET, consumer_on_limiter_set)                                                        \
    X(EXCHANGE_DECLARE, exchange_on_declare)                                                       \
    X(EXCHANGE_DELETE, exchange_on_delete)                                                         \
    X(BIND, exchange_on_bind)                                                                      \
    X(UNBIND, exchange_on_unbind)                                                                  \
    X(PUBLISH, exchange_on_publish)                                                                \
    X(GROUP_JOIN, group_on_join)                                                                   \
    X(GROUP_SYNC, group_on_sync)                                                                   \
    X(GROUP_HEARTBEAT, group_on_heartbeat)                                                         \
    X(GROUP_LEAVE, group_on_leave)                                                                 \
    X(CONSUMER_HEARTBEAT, consumer_group_on_heartbeat)                                             \
    X(CONSUMER_DESCRIBE, consumer_group_on_describe)                                               \
    X(OFFSETS_COMMIT, group_on_offsets_commit)                                                     \
    X(OFFSETS_GET, group_on_offsets_get)                                                           \
    X(OFFSETS_DELETE, group_on_offsets_delete)                                                     \
    X(GROUP_DESCRIBE, group_on_describe)                                                           \
    X(GROUP_LIST, group_on_list)                                                                   \
    X(GROUP_DELETE, group_on_delete)                                                               \
    X(SHARE_HEARTBEAT, share_on_heartbeat)                                                         \
    X(SHARE_FETCH, share_on_fetch)                                                                 \
    X(SHARE_ACKNOWLEDGE, share_on_fetch)                                                           \
    X(SHARE_DESCRIBE, share_on_describe)                                                           \
    X(SHARE_OFFSETS_GET, share_on_offsets_get)                                                     \
    X(SHARE_OFFSETS_SET, share_on_offsets_set)                                                     \
    X(SHARE_FORGET, share_on_forget)                                                               \
    X(GROUP_POLICY_GET, group_policy_on_get)                                                       \
    X(GROUP_POLICY_SET, group_policy_on_set)                                                       \
    X(USER_PUT, user_on_put)                                                                       \
    X(USER_DELETE, user_on_delete)                                                                 \
    X(USERS_GET, user_on_get)                                                                      \
    X(ACLS_CREATE, acl_on_create)                                                                  \
    X(ACLS_FILTER, acl_on_filter)                                                                  \
    X(QUOTAS_SET, quota_on_set)                                                                    \
    X(QUOTAS_GET, quota_on_get)                                                                    \
    X(TXN_INIT, txn_on_init)                                                                       \
    X(TXN_ADD, txn_on_add)                                                                         \
    X(TXN_END, txn_on_end)                                                                         \
    X(TXN_OFFSETS, txn_on_offsets)                                                                 \
    X(TXN_LIST, txn_on_list)                                                                       \
    X(PRODUCERS_GET, producer_on_get)                                                              \
    X(TALLY, tally_on_tally)                                                                       \
    X(TRANSACT, transact_on_transact)                                                              \
    X(CANCEL, session_on_cancel)                                                                   \
    X(SESSION_CLOSE, session_on_close)

enum call_kind {
#define X(name, handler) CALL_##name,
    CALL_LIST(X)
#undef X
        CALL_KIND_COUNT
};

struct call;
struct engine;
typedef void call_done_fn(struct call *c);

struct call {
    struct mail     mail; /* first: the way there and back */
    enum call_kind  kind;
    enum err        err;     /* the answer */
    bool            relaxed; /* C3 */
    uint64_t        session; /* 0: none; cancelled with it when parked */
    uint64_t        tag;     /* chosen by the door; CALL_CANCEL names (session, tag) */
    struct arena    arena;   /* arguments and results; freed with the call */
    struct mailbox *home;
    call_done_fn   *done;
    void           *ctx; /* the door's */

    /* Engine's own from here on. */
    struct list  parked;        /* in the list of what it waits for */
    struct list  in_session;    /* in the parked calls of its session */
    struct timer timer;         /* when parked with a deadline */
    void (*on_timeout)(struct engine *e, struct call *c);
    void (*on_unpark)(struct engine *e, struct call *c); /* set before parking when more must be unlinked */
    void          *waits; /* the handler's own while parked */
    struct engine *engine;
};

/* A zeroed call of `size` bytes whose first member is struct call. */
void *call_new(size_t size, enum call_kind kind, struct mailbox *home, call_done_fn *done, void *ctx);
void  call_free(void *call);
/* The same on the caller's memory, for doors that keep used calls for the next request. Only struct call is set. */
void call_init(struct call *c, enum call_kind kind, struct mailbox *home, call_done_fn *done, void *ctx);
void call_fini(struct call *c);

static inline struct bytes call_bytes(void *call, struct bytes b)
{
    return arena_bytes(&((struct call *)call)->arena, b);
}

/* A topic, queue, exchange or group is named by namespace and name. The default namespace is "default". */
#define NAMESPACE_DEFAULT "default"

/* Answered ERR_CANCELLED: every parked call of (session, tag); itself always ERR_OK. Only struct call. */
/* CALL_SESSION_CLOSE: ends consumers, returns bound leases, deletes exclusive queues, cancels
 * parked calls. Only struct call with session set. */

/*
 * The gate is how doors reach engines without knowing threads: the node routes a call to its
 * shard's mailbox, the simulator and unit tests run it at once. Thread: any.
 */
struct gate {
    void (*submit)(struct gate *g, struct call *c);
    bool (*is_full)(struct gate *g); /* NULL: never */
    atomic_ullong sessions; /* last session number given out */
};

static inline void gate_submit(struct gate *g, void *call)
{
    g->submit(g, call);
}

/* Are publishes refused for lack of disk space (ERR_NO_SPACE) just now? Any thread. */
static inline bool gate_is_full(struct gate *g)
{
    return g->is_full && g->is_full(g);
}

static inline uint64_t gate_session(struct gate *g)
{
    return atomic_fetch_add(&g->sessions, 1) + 1;
}

#endif
