/*
 * model.h - what must be true, as simply as it can be said: every record that was ever sent, where
 * it is known to lie, and for every queue what is known of each message.
 *
 * The model knows only what clients were told and in which order the engine saw their calls
 * (world.h W1, W3). It predicts nothing that depends on chance inside the engine; where more than
 * one thing may be true it says so (MAYBE), until something is seen that decides it.
 *
 *   M1  A record is one id, sent in one batch. Its bytes follow from the id.
 *   M2  What happened with a number above world.durable may be undone by a crash, and nothing else
 *       may: the journal is a prefix of what the engine saw.
 *   M3  At a crash everything that may be undone becomes MAYBE, and the audit after the recovery
 *       decides what can be decided (audit.h).
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "engine/exchange_calls.h"

enum {
    NAME_BYTES = 16,
    PARTITIONS_MAX = 4,
    TARGETS_MAX = 12,
    TOPICS_MAX = 96,
    QUEUES_MAX = 128,
    SIM_CLIENTS_MAX = 24,
};

struct client;
struct m_binding;
struct m_exchange;
struct m_groups;
struct m_holes;
struct m_transaction;
struct m_txn;
struct m_txns;
struct request;
struct world;

/* ---- topics and logs ---- */

struct m_log {
    struct m_topic *topic;
    uint32_t        partition;
    uint64_t       *ids; /* by offset; 0: not known */
    size_t          cap;
    uint64_t        end;   /* after the highest offset known */
    uint64_t        start; /* highest log start seen */
    uint64_t        start_turn;
    uint64_t        trim_asked; /* what lies below may have been forgotten by request */
    uint64_t        closed;     /* in the end: all below can be compacted */
    bool            has_txns;   /* something transactional was sent to it */
};

/* What lets most go, of all policies that a topic ever had: model_keep.h. */
struct m_loss {
    unsigned kinds;         /* bits: 1 << enum retention */
    int64_t  age_ms, bytes; /* 0: no limit */
    bool     is_trimmed, is_compacted;
    int64_t  tombstone_ms, lag_ms;
};

/* One life of a name: from its creation to its deletion. */
struct m_topic {
    char           name[NAME_BYTES];
    struct uuid    uuid; /* zero until it is known */
    uint32_t       partition_count;
    struct topic_policy policy, before; /* that is in force; the one before the last alteration */
    uint64_t       altered;             /* number of the call that did */
    bool           policy_in_doubt;     /* a crash may have undone it */
    struct m_loss  loss;
    bool           is_private; /* of an exclusive queue: not listed */
    uint64_t       made; /* number of the call that made it */
    uint64_t       gone; /* that deleted it; 0: none */
    uint64_t       gone_turn;
    bool           is_doubtful; /* M3: made or deleted by what a crash may have undone */
    struct m_log   logs[PARTITIONS_MAX];
};

/* ---- records ---- */

enum outcome {
    PENDING, /* under way */
    DONE,    /* it is in its logs */
    UNKNOWN, /* the process died before it said so */
    NEVER,   /* it is not, and will never be */
};

struct m_target {
    struct m_topic *topic;
    int32_t         partition; /* -1: not known */
    int64_t         base;      /* -1: not known */
    uint64_t        from;      /* not below it: that was in the log before */
};

/* What one call of a producer carries. */
struct m_batch {
    uint64_t        first_id;
    uint32_t        count;
    uint32_t        bytes;   /* as it is stored */
    int64_t         made_ms; /* none of its timestamps is older */
    enum outcome    outcome;
    uint64_t        first_sent, last_sent; /* numbers of the calls that carried it */
    int64_t         first_ms, last_ms;     /* when the engine saw them */
    int64_t         delay_ms;              /* of the call; -1: each queue's own */
    struct m_txn   *txn;                   /* of Kafka that it is part of; NULL: none */
    uint64_t       *sources;               /* what its records are copies of; NULL: of nothing. model_copy.h */
    uint32_t        target_count;
    struct m_target targets[TARGETS_MAX];
};

/* ---- queues ---- */

enum presence { NOT_IN, MAYBE_IN, IN };
enum m_fate { OPEN, MAYBE_GONE, GONE };
enum m_hold { FREE, MAYBE_LEASED, LEASED };

enum { FATE_UNKNOWN = FATE_COUNT };

/* What a queue knows of one message. */
struct m_held {
    enum m_fate fate;
    int         ended;       /* GONE: its enum fate, or FATE_UNKNOWN */
    uint64_t    fate_number; /* of the call that settled it */
    unsigned    asked;       /* settles under way that may do it */
    bool        is_doubted;  /* it may be gone whatever those are answered */
    uint64_t    gone_turn;   /* deliveries made before this turn may still arrive */
    bool        gone_strict; /* none may: its only lease was the one that ended */
    bool        is_known;    /* its record has been seen or confirmed */
    uint32_t    seen_max;    /* highest number of an attempt seen */
    uint32_t    seen_floor;  /* the same at the last crash: none of these comes again */
    uint64_t    seen;        /* bit n: attempt n was seen */
    bool        is_exact;    /* no crash since it was sent: no attempt may be missing */
    int64_t     ready_ms;    /* not before: by a delay of its append or its release */
    /* its newest lease known */
    enum m_hold    hold;
    uint32_t       token;
    bool           is_bound;
    struct client *client;
    uint64_t       taker;       /* who may have more of the same key */
    int64_t        low_ms, high_ms; /* its deadline lies in between */
    uint64_t       extended;    /* number of the last call that did */
    uint64_t       taken_back;  /* of the last one that may have, in an ordered queue */
    uint64_t       end_number;  /* of the call that ended it, and its turn */
    uint64_t       end_turn;
    uint64_t       seen_turn;   /* when it arrived */
};

struct m_lane {
    struct m_held *at; /* by offset */
    size_t         cap;
};

struct m_queue {
    char                name[NAME_BYTES];
    uint64_t            id; /* 0 until it is known */
    struct m_topic     *topic;
    struct queue_policy policy;
    int64_t             lease_low_ms, lease_high_ms; /* since it was altered more than one may apply */
    int64_t             expiry_ms;                   /* the shortest retention it ever had; 0: none */
    int64_t             delay_low_ms;
    bool                was_ordered;  /* at all times */
    bool                ever_ordered; /* at any */
    bool                is_durable, from_end;
    bool                is_exclusive; /* owned by a session, locked for others, gone with it */
    uint64_t            owner;
    bool                is_auto_delete; /* gone with the last of these, by client */
    unsigned            consumers[SIM_CLIENTS_MAX];
    const struct client *only; /* whose consumer is the only one there may be; NULL: there may be more */
    bool                made_topic; /* with it */
    uint64_t            made, gone; /* as of a topic */
    uint64_t            detached;   /* number of the call that took its topic away */
    uint64_t            gone_turn;
    bool                is_doubtful;
    bool                was_delayed;        /* at any time */
    bool                delay_varies;       /* over time */
    uint64_t            purged, purge_turn; /* number of the last purge, or of what may have been one */
    bool                was_purged;
    uint64_t            altered;            /* of the last alteration */
    bool                policy_in_doubt;    /* a crash may have undone it */
    uint64_t            routed_seen, fates_seen[FATE_COUNT]; /* at the last audit */
    struct m_lane       lanes[PARTITIONS_MAX];
    uint64_t            fresh[SIM_CLIENTS_MAX][PARTITIONS_MAX]; /* of lease calls, by client */
};

struct model;

struct model *model_new(struct world *w);
void model_free(struct model *m);
/* M3 */
void model_on_crash(struct model *m);

/* ---- model.c: topics, records ---- */
/* Alive as the engine sees it now; NULL: there is none of that name. */
struct m_topic *model_topic(struct model *m, const char *name);
struct m_topic *model_topic_at(struct model *m, size_t index); /* all that ever were, in order; NULL: no more */
/* NULL: too many. */
struct m_topic *model_make_topic(struct model *m, const char *name, uint32_t partitions,
                                 const struct topic_policy *policy, uint64_t number);
/* With the queues that go with it or lose it. */
void model_end_topic(struct model *m, struct m_topic *t, uint64_t number);
bool m_topic_is(const struct m_topic *t); /* it is there, as the engine sees it now */
bool m_topic_has_uuid(const struct m_topic *t);
struct m_topic *model_any_topic(struct model *m); /* drawn from those that are; NULL: there is none */

struct m_batch *model_new_batch(struct model *m, uint32_t count);
struct m_batch *model_batch_of(struct model *m, uint64_t id);
void m_batch_add_target(struct m_batch *b, struct m_topic *t, int32_t partition);
/* The engine is about to see it. */
void model_sent(struct model *m, struct m_batch *b, uint64_t number);
/* It may be done at any time from then on; and it was, by now. */
void m_batch_may_wait(struct m_batch *b);
void model_waited(struct model *m, struct m_batch *b);
/* It lies there: from an answer. */
void model_bind(struct model *m, struct m_batch *b, struct m_log *l, uint64_t base);
/* A record was seen at an offset. Checks everything about it; returns its id. */
uint64_t model_see(struct model *m, struct m_log *l, uint64_t offset, const struct record *record);
/* All records of a stored batch; returns the offset after it, with what compaction took. */
uint64_t model_see_batch(struct model *m, struct m_log *l, const struct batch_ref *ref,
                         struct m_holes *holes);
/* What lies at an offset, which is known. */
void m_log_put(struct model *m, struct m_log *l, uint64_t offset, uint64_t id);
/* Its offsets are known up to there. */
void m_log_make_room(struct m_log *l, uint64_t end);
/* After the logs of all topics were seen. */
void model_decide_batches(struct model *m);
uint64_t m_log_id(const struct m_log *l, uint64_t offset); /* 0: not known */

/* The stored batch of b: M1. */
struct slice model_encode(struct model *m, struct m_batch *b, int64_t timestamp_ms,
                          int64_t producer_id, int16_t epoch, int32_t sequence);
/* A key of a record: 0 none, else its number. */
unsigned model_key(struct model *m, uint64_t id);
struct bytes key_text(unsigned key);
/* Its value is null. */
bool model_is_tombstone(const struct model *m, uint64_t id);
/* So that a compacted topic takes it. */
void model_give_keys(struct model *m, const struct m_batch *b);

/* ---- model_queue.c ---- */
struct m_queue *model_queue(struct model *m, const char *name);
struct m_queue *model_queue_at(struct model *m, size_t index);
struct m_queue *model_queue_by_id(struct model *m, uint64_t id);
struct m_queue *model_make_queue(struct model *m, const char *name, struct m_topic *topic,
                                 const struct queue_policy *policy, uint64_t number);
/* With its topic, when that goes, too. */
void model_end_queue(struct model *m, struct m_queue *q, uint64_t number);
/* Both the old and the new one may be in force for what was handed out before the next audit. */
void m_queue_alter(struct m_queue *q, const struct queue_policy *policy);
bool m_queue_is(const struct m_queue *q);
/* Another session's. */
bool m_queue_is_locked(const struct m_queue *q, uint64_t session);
/* A consumer of the client begins, or ends. With is_exclusive there is no other while it lasts. */
bool m_queue_takes_consumer(const struct m_queue *q, bool is_exclusive);
void model_subscribe(struct m_queue *q, const struct client *c, bool is_exclusive);
void model_unsubscribe(struct model *m, struct m_queue *q, const struct client *c, uint64_t number);
/* Only a queue with a topic of its name can be sent to. */
bool m_queue_has_own_topic(const struct m_queue *q);
struct m_queue *model_any_queue(struct model *m);
struct m_held *model_held(struct model *m, struct m_queue *q, uint32_t partition, uint64_t offset);
/* Whether the record there is in the queue at all. */
enum presence m_queue_presence(struct model *m, const struct m_queue *q, uint32_t partition,
                               uint64_t offset);
/* Whether it may have expired by now, or its log may have lost it. */
bool m_queue_may_expire(struct model *m, const struct m_queue *q, uint32_t partition,
                        uint64_t offset);

/* On what terms a message was handed out. */
struct m_terms {
    struct client *client;
    uint64_t       taker;
    bool           is_bound, no_ack;
    int64_t        low_ms, high_ms;   /* how long */
    int64_t        after_ms;          /* it was handed out at this time or later */
    uint64_t       after_turn;        /* in a later turn than this */
    uint64_t      *fresh; /* by partition: first attempts come from there on; NULL: not looked at */
};
/* A message arrived. Checks everything about it. */
void model_deliver(struct model *m, struct m_queue *q, const struct message_ref *ref,
                   const struct m_terms *terms);

/* What a settle is about to do, as far as it is certain. */
enum certainty { WILL_NOT, MAY, WILL };
enum certainty model_settle(struct model *m, struct m_queue *q, const struct settle_item *item,
                            bool stale_ack_ok, uint64_t number);
/* The two halves of it, for a settle that depends on something else, too. */
enum certainty model_foresee(struct model *m, struct m_queue *q, const struct settle_item *item,
                             bool stale_ack_ok);
void model_settle_as(struct model *m, struct m_queue *q, const struct settle_item *item,
                     enum certainty c, uint64_t number);
void model_settled(struct model *m, struct m_queue *q, const struct settle_item *item,
                   enum certainty before, const struct request *r);
void model_purge(struct model *m, struct m_queue *q, bool leased_too, uint64_t number);
/* Messages of it may have been handed out and settled without anybody knowing. */
void model_doubt(struct model *m, struct m_queue *q);
/* The client's consumers end, its bound leases return, its exclusive queues go. */
void model_end_session(struct model *m, const struct client *c, uint64_t number);
/* All mail has been run and nothing is under way: no attempt is missing. */
void model_check_attempts(struct model *m);
/* How many leases of it the taker surely has now. */
uint64_t model_count_leases(struct model *m, struct m_queue *q, uint64_t taker);

/* ---- model_count.c: the law of conservation ---- */
struct m_count {
    uint64_t routed_low, routed_high;
    uint64_t held_low, held_high;   /* ready, leased or delayed */
    uint64_t ended[FATE_COUNT];     /* surely so */
    uint64_t unknown;               /* held, or ended, nobody knows how */
};
void model_count(struct model *m, struct m_queue *q, struct m_count *out);
/* What the queue shows must be in between. */
void model_check_counts(struct model *m, struct m_queue *q, const struct queue_view *v);

/* ---- what both share ---- */
struct model {
    struct world    *world;
    struct m_topic  *topics[TOPICS_MAX];
    size_t           topic_count;
    struct m_queue  *queues[QUEUES_MAX];
    size_t           queue_count;
    struct m_batch **batches; /* by id */
    uint8_t         *keys;    /* by id */
    size_t           id_cap;
    uint64_t         last_id;
    struct m_transaction *transactions; /* model_transact.h */
    uint64_t         crash_number; /* last number given before the last crash */
    struct m_exchange *exchanges;  /* newest first, all that ever were: model_exchange.h */
    struct m_binding *bindings;
    uint64_t         last_life; /* of exchanges */
    struct m_groups *groups;    /* model_group.h */
    struct m_txns   *txns;      /* model_txn.h */
};

#endif
