/*
 * queue_calls.h - arguments and results of the calls on queues, leases and subscriptions. See
 * call.h for the rules of all.
 *
 * A queue is a cursor with memory over a topic; a lease is the right of one consumer to one message
 * (docs/words.md).
 */
#ifndef ENGINE_QUEUE_CALLS_H
#define ENGINE_QUEUE_CALLS_H

#include "engine/fate.h"
#include "engine/topic_calls.h"

struct queue_policy {
    int64_t lease_ms;     /* 0: a lease lasts as long as its session (AMQP). > 0: that long (SQS, Pub/Sub) */
    int64_t delay_ms;     /* every message is ready only so long after its append (SQS DelaySeconds) */
    int64_t retention_ms; /* 0: as long as the topic. Messages older than that expire */
    int64_t expires_ms;   /* the queue goes when it was not used for so long (queue_expiry.c); 0: never */
    bool    is_ordered;   /* per key: one taker at a time, in order (queue_order.c) */
    bool    is_single_active; /* one consumer gets all there is; when it goes, the next (consumer.c K4) */
};

struct queue_view {
    struct bytes        ns, name;
    uint64_t            id; /* never used again, also not after the queue is deleted */
    struct bytes        topic; /* "_deleted-topic_" when its topic is gone */
    struct uuid         topic_uuid; /* zero when its topic is gone */
    bool                is_durable, is_auto_delete;
    uint64_t            owner; /* session of an exclusive queue, else 0 */
    struct queue_policy policy;
    int64_t             created_ms, altered_ms;
    struct bytes        native[DOOR_COUNT]; /* each door's own, e.g. AMQP arguments, SQS attributes, a Subscription */
    uint64_t            ready_count, leased_count, delayed_count, consumer_count;
    /* Since the queue was made, also over restarts: routed_count = ready + leased + delayed + the sum of fates. */
    uint64_t            routed_count;
    uint64_t            fates[FATE_COUNT];
};

struct queue_declare_call {
    struct call         call;
    struct bytes        ns, name;
    struct bytes        topic;      /* in; null: the topic of the same name, created with one partition when missing
                                     * (RETAIN_UNTIL_SETTLED). Else it must exist (ERR_NO_TOPIC) */
    bool                is_passive; /* in; ERR_NO_QUEUE instead of creating */
    bool                is_durable, is_auto_delete; /* in */
    bool                is_exclusive; /* in; owned by call.session, private, gone with it and after a restart */
    bool                from_end;   /* in; starts after what the topic holds now (Pub/Sub); else at the log start */
    struct queue_policy policy;     /* in */
    enum door           door;       /* in; whose native it is */
    struct bytes        native;     /* in */
    bool                existed; /* out; then nothing was changed: the door compares view with what
                                  * it wanted. When the door had no native on it yet, native and
                                  * is_durable were added and existed is false */
    struct queue_view   view;       /* out; also with ERR_LOCKED (another session's exclusive queue) */
};

struct queue_delete_call {
    struct call  call; /* ERR_NO_QUEUE, ERR_IN_USE, ERR_NOT_EMPTY, ERR_LOCKED */
    struct bytes ns, name;
    bool         if_unused, if_empty;
    uint64_t     message_count; /* out; ready messages that went with it */
};
/* A topic of the same name goes with its queue when it is RETAIN_UNTIL_SETTLED and no other queue
 * reads it. */

struct queue_purge_call {
    struct call  call; /* ERR_NO_QUEUE, ERR_LOCKED */
    struct bytes ns, name;
    bool         leased_too;    /* in; SQS: yes, AMQP: no */
    uint64_t     message_count; /* out */
};

struct queue_alter_call {
    struct call         call;
    struct bytes        ns, name;
    struct queue_policy policy; /* in; replaces, but expires_ms and is_single_active stay as they are */
    enum door           door;
    struct bytes        native; /* in; replaces that door's */
};

struct queue_get_call {
    struct call        call;
    struct bytes       ns;
    struct bytes       name;  /* in; null: all of the namespace that are not exclusive, by name */
    size_t             count; /* out */
    struct queue_view *views; /* out */
};

struct lease {
    uint64_t queue_id;
    uint32_t partition;
    uint32_t token; /* differs for every lease of the same message */
    uint64_t offset;
};

#define MESSAGE_ATTACHED UINT64_MAX

/* One message in the hands of a consumer. */
struct message_ref {
    struct slice batch;       /* the whole stored batch, held by the receiver: slice_drop it */
    uint64_t     base_offset; /* of the batch; the record's delta is offset - base_offset */
    uint64_t     offset;
    struct lease lease;
    uint32_t     attempts; /* how often it has been leased, this time included: 1 = first; > 1: redelivered */
    uint32_t     counted_attempts; /* without those given back for free (settle_call.requeue_free) */
    uint32_t     bytes;    /* its share of the stored batch: what bytes_max, the transit window and CALL_CREDIT count */
    int64_t      first_lease_ms;
    int64_t      append_ms;
    uint64_t     position; /* engine's: where the batch lies in the journal, or MESSAGE_ATTACHED */
    uint32_t     batch_len;
};

/* Takes messages now or, with wait_ms, as soon as there is one. Parks. ERR_NO_QUEUE, ERR_LOCKED;
 * ERR_BAD_ARGUMENT: messages_max is 0, or bound without a session. */
struct lease_call {
    struct call         call;
    struct bytes        ns, queue;
    uint32_t            messages_max;
    uint32_t            bytes_max; /* of stored batches; the first message always comes */
    int64_t             wait_ms;
    int64_t             lease_ms; /* -1: the queue's. 0 ends it at once (SQS VisibilityTimeout 0) unless bound */
    bool                is_bound; /* the lease belongs to call.session and ends with it, whatever the time */
    bool                no_ack;   /* settled in the same step */
    size_t              message_count; /* out */
    struct message_ref *messages;      /* out */
    uint64_t            ready_count;   /* out; left behind */
};

enum settle_action {
    SETTLE_ACK,
    SETTLE_RELEASE, /* back to its place, ready after delay_ms */
    SETTLE_REJECT,  /* given up: dead-lettered where the policy says so, else gone */
    SETTLE_EXTEND,  /* lease ends delay_ms from now; 0 = release */
    SETTLE_DEAD_LETTER, /* gone from here: the same CALL_TRANSACT puts it elsewhere */
};
struct settle_item {
    struct lease       lease;
    enum settle_action action;
    int64_t            delay_ms;
    enum err           err; /* out; ERR_NO_LEASE, ERR_NO_QUEUE */
    bool               is_gone; /* out, with ERR_NO_LEASE: the message is settled; else it is ready or leased again */
};
struct settle_call {
    struct call         call;
    bool                stale_ack_ok; /* in; an old token acks or dead-letters a message that is ready again (SQS) */
    bool                requeue_free; /* in; a release does not count as an attempt (AMQP nack,
                                       * channel close): counted_attempts stays, attempts goes up
                                       * all the same (redelivered) */
    bool                gone_ok; /* in; in a CALL_TRANSACT: leases that are no more are left out */
    size_t              item_count;
    struct settle_item *items;
};

/* What a subscription receives, in order, on the thread of its home. The receiver frees it with
 * delivery_free. */
enum delivery_kind { DELIVERY_MESSAGES, DELIVERY_ENDED /* the queue is gone; last of its consumer */ };
struct delivery {
    struct mail        mail;
    void (*deliver)(struct delivery *d);
    void              *ctx;      /* of the subscription */
    uint64_t           consumer; /* engine's number */
    enum delivery_kind kind;
    size_t             message_count;
    struct message_ref messages[];
};
void delivery_free(struct delivery *d); /* drops the slices still held, too */

/*
 * A consumer gets messages as long as its outstanding leases are below messages_max and bytes_max
 * (0: no limit; prefetch, max_outstanding_*), its limiter's too, and what was delivered and not
 * given back by CALL_CREDIT stays below CONSUMER_TRANSIT_BYTES_MAX and
 * CONSUMER_TRANSIT_MESSAGES_MAX. The transit window bounds memory when a client reads slowly.
 */
enum { CONSUMER_TRANSIT_BYTES_MAX = 1024 * 1024, CONSUMER_TRANSIT_MESSAGES_MAX = 2048 };
struct subscribe_call {
    struct call  call;  /* session must be set. ERR_NO_QUEUE, ERR_LOCKED, ERR_IN_USE (exclusive consumer) */
    struct bytes ns, queue;
    uint64_t     messages_max, bytes_max;
    uint64_t     limiter;  /* in; 0, or one of this session (CALL_LIMITER_SET), shared by consumers */
    bool         no_ack;   /* settled when delivered */
    bool         is_exclusive;
    int32_t      priority; /* higher first; equal ones in turn */
    bool         is_bound; /* leases end with the session (AMQP); else by time (Pub/Sub) */
    int64_t      lease_ms; /* -1: the queue's */
    void (*deliver)(struct delivery *d);
    void        *ctx;
    uint64_t     consumer; /* out */
};

struct unsubscribe_call {
    struct call call; /* its leases stay as they are; nothing is delivered after the answer */
    uint64_t    consumer;
};

struct credit_call {
    struct call call; /* relaxed; gives transit back, and may change limits */
    uint64_t    consumer;
    uint32_t    messages, bytes; /* given back: how many, and the sum of their message_ref.bytes */
    bool        set_limits;
    uint64_t    messages_max, bytes_max;
    bool        set_lease; /* what is delivered from now on is leased for lease_ms (as in subscribe_call) */
    int64_t     lease_ms;
};

struct limiter_set_call {
    struct call call; /* session set; creates or changes; acts at once on its live consumers */
    uint64_t    limiter;
    uint64_t    messages_max; /* 0: no limit */
};

#endif
