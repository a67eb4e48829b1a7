/*
 * engine_int.h - what the modules of the engine share. Only src/engine may include it.
 *
 * State changes. Whatever must survive is a change: a record of engine/change.h that is first
 * journalled with engine_change and then applied by the function that replay uses, too. So there
 * is one decoder and one way for each piece of state to come about, and a checkpoint is a
 * list of changes, too: one for each object, its row (row.h).
 *
 *   E1  State that survives changes only in x_apply functions, which decide nothing and look at no
 *       clock.
 *   E2  A change is journalled before it is applied, in the same turn.
 *   E3  Every call is answered or parked by its handler, exactly one of the two.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_ENGINE_INT_H
#define ENGINE_ENGINE_INT_H

#include "base/map.h"
#include "engine/change.h"
#include "engine/compactor.h"
#include "engine/cleaner.h"
#include "engine/engine.h"
#include "engine/exchange_calls.h"
#include "engine/group_calls.h"
#include "engine/ledger.h"
#include "engine/limits.h"
#include "engine/load.h"
#include "engine/mover.h"
#include "engine/pins.h"
#include "engine/reclaim.h"
#include "engine/room.h"
#include "engine/scrub.h"
#include "engine/rights.h"
#include "engine/row.h"
#include "engine/segment.h"
#include "store/journal.h"

struct log;
struct queue;
struct topic;

/* A name inside a namespace as one map key: ns, a zero byte, name. Owned by its object. */
struct name_key {
    struct bytes whole;
    struct bytes ns;
    struct bytes name;
};

struct engine {
    struct engine_options options;
    struct journal       *journal;
    int64_t               now_ms;
    struct timers         timers;
    uint64_t              random[2];
    uint64_t              last_id; /* ids of logs and queues; journalled with what they name, never used again */

    struct map   topics;      /* name_key -> struct topic */
    struct map   topics_uuid; /* uuid -> struct topic */
    struct idmap logs;        /* id -> struct log */
    struct pins  pins;        /* where in the journal the batches of all logs are */
    struct map   queues;      /* name_key -> struct queue */
    struct idmap queues_id;   /* id -> struct queue */
    struct map   namespaces;  /* ns -> struct exchanges (exchange.c) */
    struct map   users;       /* name -> struct user (user.c) */
    struct map   acls;        /* by their bytes (acl.c) */
    struct rights *rights;    /* options.rights, or its own */
    bool           owns_rights;
    struct map     quotas;    /* by the bytes of whom they are for (quota.c) */
    struct limits *limits;    /* options.limits, or its own */
    bool           owns_limits;
    int64_t      last_producer; /* id given */
    struct producers {
        struct list  by_age; /* producer_state.in_age: whose last word is longest ago comes first */
        size_t       count;
        struct timer timer;
    } writers; /* producer.c: of all logs */
    struct txns {
        struct map   ids;     /* name_key -> struct txn (txn.c) */
        struct idmap numbers; /* number -> struct txn */
        struct map   slots;   /* group, topic, partition -> what is pending for it (txn_offsets.c) */
        struct map   groups;  /* name_key -> how much is pending for it */
        size_t       aborted_count; /* of all logs (txn_log.c) */
    } txns;
    struct map   share_groups;   /* name_key -> struct share_group (share.c) */
    struct map   group_policies; /* name_key -> struct told (group_policy.c) */
    struct map   groups;      /* name_key -> struct group (group.c) */
    uint64_t     topic_changes; /* topics made, grown, deleted in this run: groups look again */
    struct idmap sessions;    /* id -> struct session */
    struct idmap consumers;   /* id -> struct consumer (consumer.c) */
    uint64_t     last_consumer;

    struct shard *shard;
    struct loads  loads;
    struct scrub  scrub;
    struct rooms  rooms;
    struct moves  moves;
    struct mover  mover;
    struct compactor compactor;
    struct cleaner cleaner;
    struct list   walks; /* walk.c */
    struct stage {
        struct list  logs;  /* with something staged (log_stage.in_stage) */
        struct list  calls; /* to be answered after it (call.parked) */
        struct arena arena;
    } stage; /* stage.c */
    struct list trims;  /* logs that lose settled extents at the end of the turn (log.in_trims) */
    struct list fresh;  /* logs whose readers look again when more is durable (log_watch.in_fresh) */
    struct list reads;  /* parked CALL_READs and CALL_FETCHes (call.parked) */
    struct fetch_sessions {
        struct idmap ids;        /* id -> struct fetch_session (fetch_session.c) */
        struct list  used;       /* fetch_session.in_used: longest ago first */
        size_t       part_count; /* of all of them */
    } fetch_sessions;
    struct list no_session; /* parked calls of no session (call.in_session) */
    struct buf  scratch; /* for keys of look-ups; never kept across calls */
    struct list sweep;  /* auto-delete exchanges that lost their last binding (exchange.c) */
    uint64_t    last_publish; /* number of the last CALL_PUBLISH of this run */
    struct list  unpublished; /* parked CALL_PUBLISHes (call.parked) */
    struct timer look_for_space; /* runs while there are some */
    struct held_pool held; /* outstanding messages of all queues */
    uint64_t starved_count;  /* since the start */
    struct buf spare;      /* memory that queue_writer uses again and again */
    struct list undurable; /* ordered queues that wait for the disk (queue.in_waiting) */
    struct list starved;   /* queues that wait for room for leases (queue.in_waiting) */
    struct reclaim reclaim;
    struct list dirty;  /* queues with something to hand out at the end of the turn (queue.dirty) */
    int64_t cuts_ms; /* retention.c: how many logs were cut in this millisecond */
    int     cuts;
    bool           is_open; /* recovered */
    uint64_t       replayed_bytes; /* of the journal, by this recovery */
    uint64_t       claimed;        /* position of the journal from which on it is this process's */
    struct checkpoint *checkpoint;
    struct rows rows;
    struct row ids; /* last_id, last_producer */
    struct outbox *outbox; /* answers and deliveries waiting for the disk */
};

/* ---- engine.c ---- */
/* Answer a call: it leaves when the journal as it is now is durable (C3). */
void engine_answer(struct engine *e, struct call *c, enum err err);
/* Park a call until somebody answers it; on_timeout (answers it) at deadline_ms, INT64_MAX: none.
 * While parked it is in *waiters (call.parked); engine_answer unlinks it from everything. */
void engine_park(struct engine *e, struct call *c, struct list *waiters, int64_t deadline_ms,
                 void (*on_timeout)(struct engine *e, struct call *c));
/* Send a delivery to home under the same rule. The refs' batches are filled in when it leaves. */
void engine_deliver(struct engine *e, struct mailbox *home, struct delivery *d);
/* Journal a change. head is what the change's encoder wrote. Returns the payload's position. */
uint64_t engine_change(struct engine *e, enum change kind, const struct buf *head, struct slice payload);
uint64_t engine_random(struct engine *e);
/* engine_options.on_progress */
void engine_progress(struct engine *e, enum engine_stage stage, uint64_t done, uint64_t all);
/* Applies a change read back from journal or checkpoint. */
enum err engine_apply(struct engine *e, uint8_t kind, struct bytes head, struct bytes payload, uint64_t position);
/* Calls whose answer carries message_refs register them here before engine_answer; batches are
 * filled in when it leaves. */
void engine_answer_messages(struct engine *e, struct call *c, enum err err, struct message_ref *refs, size_t count);

/* Key of (ns, name) in caller's buffer; valid until the buffer changes. */
struct bytes name_key_of(struct buf *scratch, struct bytes ns, struct bytes name);
/* One allocation (free key->whole.at). */
void name_key_init(struct name_key *k, struct bytes ns, struct bytes name);
void name_key_fini(struct name_key *k);

/* ---- session.c: what belongs to one client connection ---- */
struct session {
    uint64_t    id;
    struct list parked;    /* calls, by call.in_session */
    struct list consumers; /* consumer.c */
    struct list leases;    /* bound leases, in the order they were given (queue.c) */
    struct list queues;    /* exclusive queues (queue.c) */
    struct list limiters;  /* consumer.c */
    struct list shares;    /* share_holder.in_session (share_session.c) */
};
/* Found or made. */
struct session *session_get(struct engine *e, uint64_t id);

/* ---- topic.c, log.c ---- */
/* Batches of one log, one after the other in a segment (segment.h). */
struct extent {
    uint64_t        base;
    uint64_t        end; /* after its last record; it may leave offsets out */
    struct segment *segment;
    struct load    *load; /* its batches while they are known (load.c); NULL: cold */
    int64_t         max_timestamp_ms;
    int64_t         append_ms; /* of the latest batch */
    uint32_t        at;        /* of its header in the segment */
    uint32_t        bytes;     /* of its batches */
    uint32_t        batches;
    uint32_t        crc;
    bool            is_loading; /* on its way from the disk */
    bool            is_bad;     /* it could not be read, or is not what it must be */
};

/* The entries whose base offsets are from `first` on and below the next chunk's: one row of a
 * checkpoint (log_row.c). */
struct log_chunk {
    struct row  row;
    struct log *log;
    struct list in_log; /* log.chunks, in order */
    uint64_t    first;
    uint32_t    count; /* of the entries when it was made; those at its front may be forgotten */
};

/* What few logs have, or none has for long, is made when it is needed: there may be 100,000 of them. */
struct log {
    uint64_t      id;
    struct topic *topic;
    uint32_t      partition;
    bool          is_moving;  /* a move has some of it (move.h) */
    bool          is_damaged; /* a move met something that cannot be read: left alone */
    struct row    row; /* its start */
    struct list   chunks;
    uint64_t      start; /* first offset that still exists */
    uint64_t      end;   /* next offset */
    uint64_t      trimmed_at; /* the journal's end when start moved last: until then it may move back */
    struct log_entries {
        struct log_entry *at;
        uint32_t          first, count, cap;
        uint32_t          durable; /* so many from the first on are known to be on disk */
    } entries; /* batches in the journal */
    struct log_extents {
        struct extent *at;
        uint32_t       first, count, cap;
        uint32_t       durable;
    } extents;
    struct recalls   *recalls; /* NULL: no batch of its part of the journal is loaded, or damaged (recall.c) */
    uint64_t          durable; /* the high watermark: all below is on disk */
    struct log_stage *stage;   /* NULL: no batch of this turn waits for the journal (stage.c) */
    struct segment *open;   /* where its big appends go, or NULL (room.h) */
    struct segment *next_open;
    struct list  in_journal; /* mover.logs while it has entries */
    struct list  in_settled; /* cleaner.settled */
    struct list  in_trims;   /* engine.trims */
    uint64_t     settled_to; /* then: no queue needs what lies below it */
    struct log_watch *watch; /* NULL: no read is parked (read.c) */
    struct idmap producers; /* producer id -> struct producer_state (producer.c) */
    struct log_txns *txns;  /* NULL: it never had any (txn.h) */
    uint64_t     bytes;     /* of all the batches it has */
    struct timer retention; /* its oldest part is over a limit then, or later (retention.c) */
    uint64_t     clean;      /* compacted up to here */
    int64_t      horizon_ms; /* some of its tombstones may go then; 0: it has none, as far as it is clean */
    struct cleaning *cleaning; /* of a compacted topic's (compactor.c) */
};

struct topic {
    struct row      row;
    struct name_key key;
    struct uuid     uuid;
    struct topic_policy policy;
    bool            is_private;
    int64_t         created_ms;
    struct bytes    native[DOOR_COUNT]; /* owned */
    uint32_t        log_count;
    struct log    **logs;
    uint32_t        next_partition; /* for records without key */
    struct list     queues;         /* queue.in_topic */
    struct engine  *engine;
};

struct topic *topic_find(struct engine *e, struct bytes ns, struct bytes name);
struct topic *topic_find_uuid(struct engine *e, const struct uuid *uuid);
/* By its name, or, when that is null, by its uuid; but only in this namespace. */
struct topic *topic_find_either(struct engine *e, struct bytes ns, struct bytes name, const struct uuid *uuid);
/* Journals and applies. uuid and log ids are made here. */
struct topic *topic_create(struct engine *e, struct bytes ns, struct bytes name, uint32_t partitions,
                           const struct topic_policy *policy, bool is_private, enum door door, struct bytes native);
void topic_delete(struct engine *e, struct topic *t);
/* The partition of a record: by hash of the key (Kafka's murmur2), in turn when it is null. */
uint32_t topic_pick(struct topic *t, struct bytes key);

/* Where a batch is. Valid until the log changes or the turn ends. */
struct log_at {
    const struct log_entry *entry;
    struct load            *load; /* that it is in (load.h); NULL: in the journal, and hot (recall.h) */
};

enum log_answer {
    LOG_FOUND, /* the batch that holds the offset, or the first one behind it */
    LOG_COLD,  /* that must be loaded first: load.h, with what else is in span */
    LOG_BAD,   /* that cannot be read, with all that is in span */
    LOG_END,   /* there is none */
};
/* An extent's, or a batch's. */
struct log_span {
    uint64_t base, end;
};
/* The batch that holds offset, or the first one behind it: a log may leave offsets out. `at` is set
 * with LOG_FOUND, *span (may be NULL) but with LOG_END. */
enum log_answer log_find(const struct log *l, uint64_t offset, struct log_at *at,
                         struct log_span *span);
/* What holds offset, or the first behind it: one of the two, or none. */
struct log_place {
    const struct log_entry *entry;
    struct extent          *extent;
};
struct log_place log_place(const struct log *l, uint64_t offset);
/* From a batch to the one after it, when that is next to it in memory; else use log_find. */
bool log_step(const struct log *l, struct log_at *at);
/* The bytes of the batch, which is on disk (log_position), and was found in this turn. */
MUST_CHECK enum err log_view(struct engine *e, const struct log_at *at, struct slice *out);
/* The batch is on disk when the journal is durable up to here. */
uint64_t log_position(const struct log_at *at);
/* The high watermark: all records below it are on disk. */
uint64_t log_durable(const struct engine *e, struct log *l);
/* Raises log.start: what lies wholly below offset is forgotten. */
void log_trim(struct engine *e, struct log *l, uint64_t offset);
/* The same, because no queue needs it any more. If a segment loses something by it, that is journalled
 * and comes with log_trim_settled, at the end of the turn; else it follows from the settles. */
void log_settled(struct engine *e, struct log *l, uint64_t offset);
void log_trim_settled(struct engine *e);
/* What holds offset or, in a hole, the first behind it, and goes as a whole: a batch in the journal,
 * or an extent. False: there is nothing. */
struct log_part {
    uint64_t base, end;
    uint64_t bytes;
    int64_t  max_timestamp_ms, append_ms; /* the highest */
};
bool log_part(const struct log *l, uint64_t offset, struct log_part *out);
/* Below this position of the journal lies no batch that any log still has. */
uint64_t log_pinned(const struct engine *e);

/* ---- append.c: the one way records come in ---- */
struct append_target {
    struct log *log;
    int64_t     delay_ms; /* -1: each queue's own */
    uint64_t    base_offset; /* out */
};
/* One batch to one or many logs as one change. Takes over batch's hold. Wakes readers, marks queues
 * dirty. Its producer, if it has one, was noted. */
void append_batch(struct engine *e, struct slice batch, const struct batch_head *head, struct append_target *targets,
                  size_t count);

/* Small batches without producers to one log, in this order, as one change. Takes over their holds. */
enum { APPEND_RUN_BATCHES_MAX = 128, APPEND_RUN_BATCH_BYTES_MAX = 1024 }; /* the first is on disk */
struct append_part {
    struct slice      batch;
    struct batch_head head;
};
void append_run(struct engine *e, struct log *l, int64_t delay_ms, const struct append_part **parts,
                uint32_t count);
bool append_is_for_run(const struct slice *batch, const struct batch_head *head);

/* ---- read.c ---- */
enum err read_find_log(struct engine *e, struct bytes ns, struct bytes name,
                       const struct uuid *uuid, uint32_t partition, struct log **out);
/* The first offset with a timestamp of at least t, or the end of what is on disk. Where that
 * would have to be loaded, the beginning of what holds it. */
uint64_t read_time_start(struct engine *e, struct log *l, int64_t t);
/* The log goes away: its parked reads are answered. */
void read_abandon(struct engine *e, struct log *l);
/* The log got a batch: those that wait for it look again when it is on disk. */
void read_on_append(struct engine *e, struct log *l);
/* Parked reads of the log look again. */
void read_wake(struct engine *e, struct log *l);
void read_on_durable(struct engine *e);

/* ---- fetch_session.c ---- */
void fetch_session_init(struct engine *e);
void fetch_session_fini(struct engine *e);
/* The log begins elsewhere: whoever has a session is to be told with its next answer. */
void fetch_session_on_trim(struct log *l);

/* ---- producer.c ---- */
struct producer_batch {
    int32_t  first_sequence, last_sequence;
    uint64_t base_offset;
    int64_t  append_ms;
};
enum { PRODUCER_BATCHES = 5 }; /* Kafka's NUM_BATCHES_TO_RETAIN */
struct producer_state { /* of one producer id in one log */
    struct row            row;
    struct log           *log;
    int64_t               id;
    int16_t               epoch;
    bool                  has_ended; /* a transaction */
    uint8_t               count; /* of batches, newest last */
    struct producer_batch batches[PRODUCER_BATCHES];
    int64_t               last_ms; /* of the latest batch */
    struct list           in_age;  /* engine.writers.by_age */
    struct log_open      *open;    /* its transaction in the log, or NULL (txn.h) */
};
/* ERR_OK: may be appended; ERR_EXISTS: a duplicate, *first is the batch it repeats;
 * ERR_BAD_SEQUENCE, ERR_FENCED_PRODUCER, ERR_TXN_STATE. Whether a transaction allows it is another
 * question. */
enum err producer_check(const struct log *l, const struct batch_head *head, struct producer_batch *first);
/* No producer, or one with epoch and sequence. */
bool producer_is_sound(const struct batch_head *head);
/* The mark at the end of a transaction comes in. */
void producer_note_marker(struct engine *e, struct log *l, const struct batch_head *head,
                          bool is_commit, uint64_t base_offset, int64_t append_ms);
/* A producer id that was never given; the caller journals it with what it gives it to. */
int64_t producer_new_id(struct engine *e);
/* Called by append's apply for a batch with a producer id, which must be sound. */
void producer_note(struct engine *e, struct log *l, const struct batch_head *head, uint64_t base_offset,
                   int64_t append_ms);
void producer_log_fini(struct engine *e, struct log *l);
/* After a replay: puts them in order of age. */
void producer_on_recovered(struct engine *e);

/* ---- queue.c ---- */
struct queue *queue_find(struct engine *e, struct bytes ns, struct bytes name);
/* Called by append.c inside apply for every queue over the log: [base, base + count) came in,
 * due at due_ms (0: now). */
void queue_on_append(struct engine *e, struct queue *q, struct log *l, uint64_t base, uint32_t count, int64_t due_ms);
/* Whether it is a share group's, whose lanes end where their logs do. */
bool queue_is_shared(const struct queue *q);
struct queue *queue_in_topic(struct list *node); /* the queue whose node in topic.queues this is */
int64_t queue_delay_ms(const struct queue *q); /* its own delay */
/* First offset of the log that the queue still needs. */
uint64_t queue_needs(const struct queue *q, const struct log *l);
/* First offset of the log that it has not looked at. */
uint64_t queue_next(const struct queue *q, const struct log *l);
/* Whether it needs any record of [base, end). */
bool queue_needs_range(const struct queue *q, const struct log *l, uint64_t base, uint64_t end);
/* Whether any queue over the log's topic does. What no queue needs, of a topic that is RETAIN_UNTIL_SETTLED, may be
 * forgotten wherever it lies. */
bool queue_any_needs_range(const struct log *l, uint64_t base, uint64_t end);
/* Inside the apply of what raised log.start for another reason than settles: what lies below it and is not leased is
 * settled as evicted. Not journalled: it follows. */
void queue_on_log_trimmed(struct log *l, uint64_t start);
/* Inside the apply of what gave the topic more logs. */
void queue_on_topic_grown(struct topic *t);
/* The topic is going away: delete the queue of its name, detach the others. */
void queue_on_topic_deleted(struct engine *e, struct topic *t);
/* Called by topic.c inside apply of TOPIC_DELETED: queues still over it become detached (topic
 * "_deleted-topic_", empty). */
void queue_detach_all(struct engine *e, struct topic *t);
/* Hand out what there is to hand out; called for every dirty queue at the end of a turn. */
void queue_dispatch(struct engine *e, struct queue *q);
void queue_mark_dirty(struct engine *e, struct queue *q);
/* More is on disk: ordered queues look again. */
void queue_on_durable(struct engine *e);
/* At the end of a turn: queues that had no room for leases look again when there is some. */
void queue_on_room(struct engine *e);
struct queue *queue_of_dirty(struct list *node); /* the queue whose node in engine.dirty this is */
/* After replay: leases that belonged to sessions are ready again (attempt counted), queues that
 * were exclusive or not durable are deleted. ERR_CORRUPT: the counts of a queue do not add up. */
MUST_CHECK enum err queue_on_recovered(struct engine *e);
/* Before the policy of the topic, or its only queue, goes: journals where its logs begin. */
void queue_note_starts(struct engine *e, const struct topic *t);
void queue_on_session_close(struct engine *e, struct session *s);
void consumer_on_session_close(struct engine *e, struct session *s);

/* The topic a record for this queue goes to: its own when the names are equal, else NULL (a subscription). */
struct topic *queue_own_topic(struct queue *q);

/* ---- exchange_publish.c ---- */
/* Publishes that wait for space are carried out when there is some. */
void exchange_on_look_for_space(struct timer *t, int64_t now_ms);

/* ---- group.c (Kafka consumer groups) ---- */
void group_on_session_close(struct engine *e, struct session *s);
void group_on_topic_deleted(struct engine *e, struct topic *t);
void group_on_recovered(struct engine *e);

bool group_is_known(struct engine *e, struct bytes ns, struct bytes group);

/* ---- share_admin.c (share groups) ---- */
bool share_group_is_known(struct engine *e, struct bytes ns, struct bytes group);
/* ERR_NO_GROUP, ERR_NOT_EMPTY, ERR_BAD_NAME */
enum err share_group_try_delete(struct engine *e, struct bytes ns, struct bytes group);

/* ---- changes: one row per kind, change.c ---- */
typedef enum err change_apply_fn(struct engine *e, struct rd *head, struct bytes payload, uint64_t position);
#define X(number, name, apply)                                                                                         \
    enum err apply(struct engine *e, struct rd *head, struct bytes payload, uint64_t position);
CHANGE_LIST(X)
#undef X

/* ---- ends: free all objects of a module ---- */
void topic_fini(struct engine *e);
void queue_fini(struct engine *e);
void consumer_fini(struct engine *e);
void session_fini(struct engine *e);
void exchange_fini(struct engine *e);
void user_init(struct engine *e);
void user_fini(struct engine *e);
void acl_init(struct engine *e);
void acl_fini(struct engine *e);
void quota_init(struct engine *e);
void quota_fini(struct engine *e);
void group_fini(struct engine *e);
void group_policy_fini(struct engine *e);

/* ---- handlers: one per call kind ---- */
#define X(name, handler) void handler(struct engine *e, struct call *c);
CALL_LIST(X)
#undef X

#endif
