/*
 * queue_int.h - what the modules around queues share: queue.c (definitions), queue_lease.c (handing
 * out), queue_settle.c (the ends of leases), queue_journal.c (their changes), consumer.c,
 * session.c, exchange.c. Thread: the shard's.
 */
#ifndef ENGINE_QUEUE_INT_H
#define ENGINE_QUEUE_INT_H

#include "engine/engine_int.h"
#include "engine/ledger.h"

struct consumer;
struct limiter;
struct share_queue;

/* A lease that neither its taker nor its queue gives a time, and that belongs to no session, lasts
 * this long. */
enum { LEASE_MS_DEFAULT = 30000 };

struct queue {
    struct row          row; /* what it is, next of its lanes, fates; chunks have their own */
    uint64_t            id;
    struct name_key     key;
    struct topic       *topic; /* NULL: detached, its topic is gone */
    struct ledger       ledger; /* a lane per log of the topic */
    uint64_t            began;  /* sum of the offsets where the lanes began */
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
    struct timer     retention;  /* its oldest ready message is too old then (retention.c) */
    struct list      waiters;    /* parked CALL_LEASEs (call.parked), first come first */
    struct list      active;     /* consumers that may take more: consumer.c K1 */
    struct list      blocked;    /* the others */
    size_t           consumer_count;
    struct consumer *exclusive;
    struct consumer *single; /* policy.is_single_active: the one that gets all there is, or NULL */
    struct list      bindings; /* binding.in_target */
    uint64_t         routed;   /* number of the publish that reached it last (exchange.c) */

    struct share_queue *share;        /* of a share group (share.h); else NULL */
    struct queue_expiry *expiry;      /* queue_expiry.c; NULL: it stays */
    struct queue_order *order;        /* queue_order.c; NULL: not ordered, or not yet looked at */
    struct list         in_waiting; /* engine.undurable or engine.starved */
    struct load_wait    load;       /* until what comes next is loaded */
    bool                has_impatient; /* some of the waiters do not wait but for that */
};

/* ---- queue.c ---- */
bool queue_is_locked(const struct queue *q, uint64_t session);
/* Journals, ends consumers and waiters, applies, applies the rule for its topic. */
void queue_delete(struct engine *e, struct queue *q);
void queue_free(struct engine *e, struct queue *q);
/* Journals a change without payload and applies it (E2); head is freed. */
void queue_commit(struct engine *e, enum change kind, struct buf *head, change_apply_fn *apply);
struct queue *queue_by_id(struct engine *e, uint64_t id);
/* Its ledger is about to change (row.h R1). */
void queue_touch(struct queue *q);

/* One of a share group over the topic, with a name that is free in ns; starts: where each lane begins. Journals. */
struct queue *queue_make_shared(struct engine *e, struct bytes ns, struct bytes group, struct topic *t,
                                const uint64_t *starts);
/* Journals and applies: what is open in the lane is settled as purged, and it begins at start again. */
void queue_seek(struct engine *e, struct queue *q, uint32_t lane, uint64_t start);

/* ---- queue_lease.c ---- */
/* What one holder takes from one log: share_fetch.c. */
struct queue_taking {
    struct queue       *queue;
    uint32_t            lane;
    uint32_t            messages_max;  /* then the first end of a batch */
    uint32_t            messages_most; /* then at once */
    uint64_t            bytes_max;     /* of whole batches; one always comes */
    int64_t             deadline_ms;
    bool                committed_only;
    void               *holder;
    struct list        *leases; /* of the holder, by held.in_holder */
    struct arena       *arena;
    size_t              count, cap; /* in and out: of the messages, which are added to */
    struct message_ref *refs;
    uint64_t            bytes; /* out: of the batches */
};
void queue_take(struct queue_taking *t);
/* The bytes of the batch that holds the offset, and its base. LOG_COLD: the queue is dispatched when they are
 * loaded. */
enum log_answer queue_view(struct queue *q, uint32_t lane, uint64_t offset, struct slice *out, uint64_t *base);

/* ---- queue_settle.c ---- */
struct queue_writer;
/* For holders of their own kind; h is leased. What follows is the caller's: queue_check, queue_trim, queue_arm,
 * queue_mark_dirty. */
void queue_settle_held(struct queue_writer *w, struct queue *q, struct held *h, enum fate fate);
void queue_release_held(struct queue_writer *w, struct queue *q, struct held *h, bool is_asked);
void queue_extend_held(struct queue_writer *w, struct queue *q, struct held *h, int64_t deadline_ms);
void queue_init_timer(struct queue *q);
/* Something may be due sooner than the timer. */
void queue_arm(struct queue *q);
/* The lease of h ends, whatever comes next: nobody holds it any more. */
void queue_end_lease(struct held *h);
/* h is about to be settled without a word of its holder; for lane_each and ledger_purge. */
void queue_let_go(void *queue, struct held *h);
/* Counts are wrong by our own fault when they do not add up (ledger.h L6): the process must not go on. */
void queue_check(const struct queue *q);
/* The log may forget what no queue needs, when that is worth the while. */
void queue_trim(struct queue *q, uint32_t lane);
void queue_trim_recovered(struct engine *e);
/* Bound leases of sessions that died with the process: ready again. */
void queue_release_bound(struct engine *e, struct queue *q);
/* Bound leases of a session that ends: ready again, all in one step. */
void queue_release_session(struct engine *e, struct session *s);

/* ---- queue_expiry.c ---- */
void queue_expiry_begin(struct queue *q); /* new, or there again after a restart */
void queue_expiry_used(struct queue *q);
void queue_expiry_fini(struct queue *q);

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
    struct list              order_waiting; /* keys that wait until it may take more (queue_order.c) */
    struct mailbox          *home;
    void (*deliver)(struct delivery *d);
    void            *ctx;
    uint64_t         messages_max, bytes_max;
    int64_t          lease_ms;
    int32_t          priority;
    bool             no_ack, is_bound;
    bool             is_waiting; /* in queue.blocked */
    bool             is_standby; /* there, too: another is queue.single */
    uint64_t         messages_out, bytes_out;         /* leased */
    uint64_t         transit_messages, transit_bytes; /* delivered and not given back */
    struct delivery *open;
    size_t           open_cap;
    uint64_t         open_bytes;
};
/* The first consumer that may take another message; moves those that may not aside. NULL: none. */
struct consumer *consumer_next(struct queue *q);
bool consumer_may_take(const struct consumer *c);
/* It got one: the next of the same priority is first now. */
void consumer_rotate(struct consumer *c);
/* A place for one more message in the delivery being filled for it; consumers with one are gathered
 * in *open. */
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

/* ---- queue_order.c: order by key; for queues with policy.is_ordered ---- */
enum order_answer {
    ORDER_TAKE, /* it may be handed out */
    ORDER_NEXT, /* it is blocked now: look at the next one */
    ORDER_STOP, /* nothing more of this log for now */
};
struct order_look {
    uint64_t         taker;    /* in; of a CALL_LEASE. 0: whichever consumer may have it */
    struct consumer *consumer; /* out; the only one that may have it, or NULL: any */
    bool             has_key;  /* out */
    uint64_t         key;      /* out; its hash */
};
/* Whether the message that ledger_peek gave may be handed out. */
enum order_answer queue_order_look(struct queue *q, struct lane *l, uint64_t offset,
                                   const struct log_at *at, struct order_look *look);
/* It was leased. taker: a number that no other taker ever had (consumer's or from
 * engine.last_consumer). */
void queue_order_leased(struct queue *q, struct held *h, const struct order_look *look,
                        uint64_t taker);
/* All of these do nothing for a message without key. Before h is settled, in whatever state: */
void queue_order_on_settle(struct queue *q, struct held *h);
/* After a lease of h ended and h was released: */
void queue_order_on_release(struct queue *q, struct held *h);
/* After h was woken: */
void queue_order_on_wake(struct queue *q, struct held *h);
/* After h was released: one of the later ones of its key that are leased, which must be released, too. */
struct held *queue_order_follower(const struct held *h);
/* The consumer may take more. */
void queue_order_on_capacity(struct consumer *c);
/* Puts in order what a replay or a checkpoint left; otherwise the first look does. False: some of it
 * must be loaded first; the queue is dispatched then, and nothing may be handed out before. */
bool queue_order_begin(struct queue *q);
/* No more looks for now. */
void queue_order_rest(struct queue *q);
void queue_order_fini(struct queue *q);

/* ---- queue_journal.c: the changes of messages in queues ---- */
enum release_reason { /* on disk */
    RELEASE_ASKED,
    RELEASE_DEADLINE,
    RELEASE_SESSION,
    RELEASE_RECOVERED,
    RELEASE_ORDER, /* an earlier one of its key was released */
};
enum { LEASED_BOUND = 1, LEASED_NO_ACK = 2 };  /* flags of QUEUE_LEASED, on disk */
enum { RELEASED_FREE = 1, RELEASED_REASON_SHIFT = 1 }; /* flags of QUEUE_RELEASED, on disk */
enum { WRITER_BYTES_MAX = 64 * 1024 }; /* a change with a longer head is cut in two */
/*
 * Gathers what happens to single messages into as few changes as possible: one as long as queue,
 * kind, flags and time stay the same. What is noted must be done to the ledger at once by the
 * caller; the change is journalled when another begins or with writer_flush, which must come before
 * anything else is journalled or answered.
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
/* flags: of the kind, or the fate. time_ms: deadline of LEASED and EXTENDED, ready time of
 * RELEASED. */
void writer_note(struct queue_writer *w, struct queue *q, enum change kind, uint64_t flags,
                 int64_t time_ms, const struct lane *lane, uint64_t offset);
/* The same for count messages in a row. */
void writer_note_run(struct queue_writer *w, struct queue *q, enum change kind, uint64_t flags,
                     int64_t time_ms, const struct lane *lane, uint64_t first, uint64_t count);
void writer_flush(struct queue_writer *w);
/* Whether a message with that fate may have been leased: else settling a range leaves leased ones alone. */
bool fate_ends_leases(enum fate fate);

#endif
