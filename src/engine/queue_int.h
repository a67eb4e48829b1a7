/*
 * queue_int.h - what the modules around queues share: queue.c (definitions), queue_lease.c (handing out), queue_settle.c (the
 * ends of leases), queue_journal.c (their changes), consumer.c, session.c, exchange.c. Thread: the shard's.
 */
#ifndef ENGINE_QUEUE_INT_H
#define ENGINE_QUEUE_INT_H

#include "engine/engine_int.h"
#include "engine/ledger.h"

struct consumer;
struct limiter;

/* A lease that neither its taker nor its queue gives a time, and that belongs to no session, lasts this long. */
enum { LEASE_MS_DEFAULT = 30000 };

struct queue {
    uint64_t            id;
    struct name_key     key;
    struct topic       *topic; /* NULL: detached, its topic is gone */
    struct ledger       ledger; /* a lane per log of the topic */
    uint32_t            taken;  /* in a row from the lane whose turn it is */
    struct queue_policy policy;
    bool                is_durable, is_auto_delete, is_exclusive;
    uint64_t            owner; /* session of an exclusive queue */
    int64_t             created_ms, altered_ms;
    struct bytes        native[DOOR_COUNT]; /* owned */

    struct engine   *engine;
    struct list      in_topic;   /* topic.queues */
    struct list      dirty;      /* engine.dirty */
    struct list      in_session; /* session.queues, of an exclusive queue */
    struct timer     timer;      /* the ledger's next due time, or earlier */
    struct list      waiters;    /* parked CALL_LEASEs (call.parked), first come first */
    struct list      active;     /* consumers that may take more: priority falls, equal ones in turn */
    struct list      blocked;    /* the others */
    size_t           consumer_count;
    struct consumer *exclusive;
    struct list      bindings; /* binding.in_target */
    uint64_t         routed;   /* number of the publish that reached it last (exchange.c) */
};

/* ---- queue.c ---- */
bool queue_is_locked(const struct queue *q, uint64_t session);
/* Journals, ends consumers and waiters, applies, applies the rule for its topic. */
void queue_delete(struct engine *e, struct queue *q);
void queue_free(struct engine *e, struct queue *q);
/* Journals a change without payload and applies it (E2); head is freed. */
void queue_commit(struct engine *e, enum change kind, struct buf *head, change_apply_fn *apply);
struct queue *queue_by_id(struct engine *e, uint64_t id);

/* ---- queue_settle.c ---- */
void queue_init_timer(struct queue *q);
/* Something may be due sooner than the timer. */
void queue_arm(struct queue *q);
/* The lease of h ends, whatever comes next: nobody holds it any more. */
void queue_end_lease(void *queue, struct held *h);
/* The log may forget what no queue needs, when that is worth the while. */
void queue_trim(struct queue *q, uint32_t lane);
/* Bound leases of sessions that died with the process: ready again. */
void queue_release_bound(struct engine *e, struct queue *q);
/* Bound leases of a session that ends: ready again, all in one step. */
void queue_release_session(struct engine *e, struct session *s);

/* ---- consumer.c ---- */
/* Who holds a lease: held.holder of a subscription's leases. */
struct consumer {
    uint64_t                 id;
    struct engine           *engine;
    struct queue            *queue;   /* NULL: ended; kept while leases count against its limiter */
    struct session          *session; /* NULL: gone */
    struct limiter          *limiter;
    struct list              in_line;    /* queue.active or queue.blocked */
    struct list              in_session; /* session.consumers */
    struct list              in_limiter; /* limiter.consumers */
    struct list              in_open;    /* those with a delivery being filled */
    struct mailbox          *home;
    void (*deliver)(struct delivery *d);
    void            *ctx;
    uint64_t         messages_max, bytes_max;
    int64_t          lease_ms;
    int32_t          priority;
    bool             no_ack, is_bound;
    bool             is_waiting; /* in queue.blocked */
    uint64_t         messages_out, bytes_out;         /* leased */
    uint64_t         transit_messages, transit_bytes; /* delivered and not given back */
    struct delivery *open;
    size_t           open_cap;
    uint64_t         open_bytes;
};
/* The first consumer that may take another message; moves those that may not aside. NULL: none. */
struct consumer *consumer_next(struct queue *q);
/* It got one: the next of the same priority is first now. */
void consumer_rotate(struct consumer *c);
/* A place for one more message in the delivery being filled for it; consumers with one are gathered in *open. */
struct message_ref *consumer_add(struct consumer *c, struct list *open);
bool consumer_is_full(const struct consumer *c); /* the delivery being filled should leave */
void consumer_send(struct engine *e, struct consumer *c);
/* One message of so many bytes was handed to it. */
void consumer_count(struct consumer *c, uint32_t bytes);
/* One of its leases ended. It may be freed. */
void consumer_on_lease_end(struct consumer *c, uint32_t bytes);
/* The queue goes: every consumer of it hears DELIVERY_ENDED. */
void consumer_on_queue_deleted(struct engine *e, struct queue *q);

/* ---- exchange.c ---- */
/* Inside apply of a queue's end: its bindings vanish. */
void exchange_unbind_queue(struct engine *e, struct queue *q);
/* Auto-delete exchanges that lost their last binding go (journalled). */
void exchange_sweep(struct engine *e);
void exchange_on_recovered(struct engine *e);

/* ---- queue_journal.c: the changes of messages in queues ---- */
enum queue_fate { FATE_ACKED, FATE_REJECTED, FATE_EXPIRED }; /* on disk, in QUEUE_SETTLED */
enum release_reason { RELEASE_ASKED, RELEASE_DEADLINE, RELEASE_SESSION, RELEASE_RECOVERED }; /* on disk */
enum { LEASED_BOUND = 1, LEASED_NO_ACK = 2 };  /* flags of QUEUE_LEASED, on disk */
enum { RELEASED_FREE = 1, RELEASED_REASON_SHIFT = 1 }; /* flags of QUEUE_RELEASED, on disk */
enum { WRITER_BYTES_MAX = 64 * 1024 }; /* a change with a longer head is cut in two */
/*
 * Gathers what happens to single messages into as few changes as possible: one as long as queue, kind, flags and time stay the
 * same. What is noted must be done to the ledger at once by the caller; the change is journalled when another begins or with
 * writer_flush, which must come before anything else is journalled or answered.
 */
struct queue_writer {
    struct engine *engine;
    struct queue  *queue; /* NULL: nothing is open */
    enum change    kind;
    uint64_t       flags;
    int64_t        time_ms;
    struct buf     head;
    uint32_t       lane; /* the run that is open */
    uint64_t       first, count;
};
void writer_init(struct queue_writer *w, struct engine *e);
void writer_fini(struct queue_writer *w); /* flushes */
/* flags: of the kind, or the fate. time_ms: deadline of LEASED and EXTENDED, ready time of RELEASED. */
void writer_note(struct queue_writer *w, struct queue *q, enum change kind, uint64_t flags, int64_t time_ms,
                 const struct lane *lane, uint64_t offset);
void writer_flush(struct queue_writer *w);
/* The outstanding messages of q, for queue_save. */
void queue_save_state(struct save *s, struct queue *q);

#endif
