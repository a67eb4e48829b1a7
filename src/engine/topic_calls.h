/*
 * topic_calls.h - arguments and results of the calls on topics and logs. See call.h for the rules
 * of all calls. "in" members are set by the door, "out" members by the engine (memory of the
 * call's arena).
 */
#ifndef ENGINE_TOPIC_CALLS_H
#define ENGINE_TOPIC_CALLS_H

#include "engine/call.h"
#include "engine/message.h"

enum {
    TOPIC_NAME_BYTES_MAX = 255,
    TOPIC_PARTITIONS_MAX = 10000,
};

struct uuid {
    uint8_t at[16];
};

/* When records may go. On disk. */
enum retention {
    RETAIN_TIME,          /* when too old or too many, whoever has not seen them yet (Kafka) */
    RETAIN_UNTIL_SETTLED, /* when every queue has settled them, or too old or too many (AMQP, SQS) */
    RETAIN_BOTH,          /* when too old or too many and every queue has settled them (Pub/Sub) */
};

/* What counts as the age of a batch. On disk. */
enum time_basis {
    TIME_OF_RECORDS, /* its largest timestamp, which the client chose (Kafka's rule); the append when it has none */
    TIME_OF_APPEND,
};

enum { DIRTY_RATIO_ONE = 1000000 }; /* topic_policy.dirty_ratio counts in millionths */

/*
 * What becomes of a topic's records. All zero is allowed: kept for ever, not compacted.
 *
 * Compaction keeps the last record of each key (compact.h). It leaves alone the newest part of each
 * log: batches that are younger than segment_ms and have less than segment_bytes behind them, and
 * those younger than min_compaction_lag_ms.
 */
struct topic_policy {
    enum retention  retention;
    enum time_basis time_basis;
    int64_t         retention_ms;    /* 0: no limit */
    int64_t         retention_bytes; /* of each log; 0: no limit */
    bool            stamps_append;   /* records get the time of their append (LogAppendTime) */
    bool            is_compacted;    /* then every record needs a key: ERR_NO_KEY */
    bool            recodes;         /* appends that obey limits are stored with codec, however they came */
    uint32_t        codec;           /* of batch.h; CODEC_NONE where nothing is recoded */
    int64_t         delete_retention_ms; /* how long tombstones stay after the first pass that met them */
    int64_t         min_compaction_lag_ms, max_compaction_lag_ms; /* max 0: none */
    int64_t         segment_ms, segment_bytes;
    int64_t         batch_bytes_max; /* these three for appends that obey limits. 0: topic_policy_default's */
    int64_t         future_ms_max;   /* how far a timestamp may lie after the append; 0: likewise */
    int64_t         past_ms_max;     /* and before it; 0: as far as one likes */
    uint32_t        dirty_ratio; /* a pass is worth it when so much of a log is new since the last one */
};
/* Kafka's defaults: seven days, not compacted. */
extern const struct topic_policy topic_policy_default;
/* Whether every member is in its range. */
bool topic_policy_is_valid(const struct topic_policy *p);

struct topic_view {
    struct bytes        ns;
    struct bytes        name;
    struct uuid         uuid;
    uint32_t            partition_count;
    struct topic_policy policy;
    bool                is_private; /* belongs to an exclusive or server-named queue; other doors do not show it */
    int64_t             created_ms;
    struct bytes        native[DOOR_COUNT]; /* what each door keeps with the topic, in its own layout; or null */
};

struct topic_create_call {
    struct call         call;
    struct bytes        ns, name;        /* in; 1 to 255 bytes; what a name may contain is the door's rule */
    uint32_t            partition_count; /* in; 1 to TOPIC_PARTITIONS_MAX */
    struct topic_policy policy;          /* in; ERR_BAD_ARGUMENT when it is not valid */
    bool                is_check_only;   /* in; answer as if, change nothing */
    enum door           door;            /* in; whose native it is */
    struct bytes        native;          /* in; may be null */
    struct topic_view   view;            /* out; of the existing one with ERR_EXISTS */
};

/* Changes what is set; both at once or nothing. */
struct topic_alter_call {
    struct call         call;      /* ERR_NO_TOPIC, ERR_BAD_ARGUMENT, ERR_IN_USE: not as expected */
    struct bytes        ns, name;  /* in; or name null and uuid set */
    struct uuid         uuid;      /* in */
    bool                set_policy; /* in */
    struct topic_policy policy;     /* in; replaces */
    bool                set_native; /* in */
    enum door           door;       /* in; whose native it is */
    struct bytes        native;     /* in; replaces that door's */
    bool                expects_native; /* in; only when that door's native is still this: */
    struct bytes        native_before;  /* in */
    uint32_t            partition_count; /* in; 0: as many as there are. ERR_BAD_ARGUMENT: not more than now */
    bool                is_check_only;   /* in; answer as if, change nothing */
    struct topic_view   view;            /* out; as it is now */
};

struct topic_delete_call {
    struct call  call;
    struct bytes ns, name; /* in; or name null and uuid set */
    struct uuid  uuid;
};
/* A queue of the same name goes with its topic; subscriptions (queues of other names) stay, empty and detached. */

/* ERR_OK even when nothing is found; each item has its own err. With all set: every topic of the
 * namespace that is not private, by name. */
struct topic_get_item {
    struct bytes      name;  /* in; null: by uuid */
    struct uuid       uuid;  /* in */
    enum err          err;   /* out; ERR_NO_TOPIC */
    struct topic_view view;  /* out */
};
struct topic_get_call {
    struct call            call;
    struct bytes           ns;              /* in */
    bool                   all;             /* in */
    bool                   auto_create;     /* in; by name only, with topic_policy_default */
    uint32_t               partition_count; /* in; for auto_create */
    size_t                 item_count;      /* in, out when all */
    struct topic_get_item *items;
};

/* How much every topic of the namespace that is not private has. */
struct topic_size_item {
    struct topic_view view;
    uint64_t         *bytes; /* of the batches as they are stored, by partition */
};
struct topic_sizes_call {
    struct call             call;
    struct bytes            ns;         /* in */
    size_t                  item_count; /* out */
    struct topic_size_item *items;      /* out */
};

/*
 * Appends one batch per item. A batch must have passed batch_check; the engine patches it, checks
 * producer and sequence and journals it. The slice's hold is the engine's from submit on and is
 * dropped before done(). Its memory must not be shared with anybody who reads the first 16 bytes.
 */
struct append_item {
    struct bytes name;        /* in; topic or (to_queue) queue; null: by uuid */
    struct uuid  uuid;        /* in */
    int32_t      partition;   /* in; -1: by hash of key, or in turn when key is null. out: the one taken */
    struct bytes key;         /* in; only for partition -1 */
    struct slice batch;       /* in */
    int64_t      delay_ms;    /* in; > 0: queues over the topic see its records that much later. -1: each queue's own */
    bool         obeys_limits; /* in; the policy's limits of batches: ERR_TOO_BIG, ERR_BAD_TIMESTAMP */
    int64_t      earliest_ms, latest_ms; /* out; with ERR_BAD_TIMESTAMP: what it may be */
    bool         append_time; /* in; stamp with the engine's time. out; or the topic's policy wants it */
    enum err     err;         /* out */
    bool         is_duplicate; /* out; base_offset is the first one's */
    uint64_t     base_offset; /* out */
    int64_t      append_ms;   /* out; the engine's time at the append */
    uint64_t     log_start;   /* out */
};
struct append_call {
    struct call         call; /* ERR_OK; look at the items */
    struct bytes        ns;
    bool                to_queue;    /* names are queues: ERR_NO_QUEUE when missing */
    bool                auto_create; /* create a missing topic with one partition and topic_policy_default */
    struct bytes        txn;       /* transactional id of the batches that are transactional (txn_calls.h) */
    bool                txn_bumps; /* they become part of its transaction by this */
    size_t              item_count;
    struct append_item *items;
};

struct batch_ref {
    struct slice bytes;       /* the stored batch; held, dropped by call_free's caller with slice_drop */
    uint64_t     base_offset; /* the true one; the stored field may differ (a fan-out copy) */
};

/* What is in a log of a transaction that was aborted. */
struct aborted_range {
    int64_t  producer_id;
    uint64_t first; /* offset; it ends with the marker of the producer that comes next */
};

/* Reads whole batches. An item's first batch comes even when it is larger than the limits (KIP-74). */
struct read_item {
    struct bytes      name; /* in; null: by uuid */
    struct uuid       uuid;
    uint32_t          partition; /* in */
    uint64_t          offset;    /* in; inside a batch: that whole batch is returned */
    uint32_t          bytes_max; /* in */
    enum err          err;       /* out; ERR_NO_TOPIC, ERR_NO_PARTITION, ERR_OUT_OF_RANGE */
    uint64_t          high_watermark; /* out; the durable end */
    uint64_t          stable;         /* out; what lies below it is of no open transaction */
    uint64_t          log_start;      /* out */
    size_t            batch_count;    /* out */
    struct batch_ref *batches;        /* out */
    size_t                aborted_count; /* out; with committed_only */
    struct aborted_range *aborted;       /* out; that have something in the batches */
};
struct read_call {
    struct call       call; /* parks until bytes_min are there, wait_ms passed or an item has an error */
    struct bytes      ns;
    bool              committed_only; /* in; nothing at or above stable */
    uint32_t          bytes_max, bytes_min;
    int64_t           wait_ms;
    size_t            item_count;
    struct read_item *items;
};

enum { OFFSET_LATEST = -1, OFFSET_EARLIEST = -2, OFFSET_MAX_TIMESTAMP = -3 };
struct list_offsets_item {
    struct bytes name;
    struct uuid  uuid;
    uint32_t     partition;
    int64_t      timestamp_ms; /* in; or one of OFFSET_ */
    enum err     err;          /* out */
    int64_t      offset;       /* out; -1: none */
    int64_t      found_ms;     /* out; -1: none or not asked by time */
};
struct list_offsets_call {
    struct call               call;
    struct bytes              ns;
    bool                      committed_only; /* in; nothing at or above stable, which is then the latest */
    size_t                    item_count;
    struct list_offsets_item *items;
};

/* Forgets the records below an offset (Kafka's DeleteRecords). What is below the start already is no error. */
struct log_trim_call {
    struct call  call; /* ERR_NO_TOPIC, ERR_NO_PARTITION; ERR_OUT_OF_RANGE: beyond the high watermark */
    struct bytes ns, name;  /* in; or name null and uuid set */
    struct uuid  uuid;
    uint32_t     partition; /* in */
    int64_t      offset;    /* in; OFFSET_LATEST: the high watermark */
    uint64_t     log_start; /* out */
};

/* A producer id for idempotent batches, at epoch 0. One with a transactional id: txn_calls.h. */
struct producer_init_call {
    struct call call;
    int64_t     producer_id;    /* out */
    int16_t     producer_epoch; /* out */
};

#endif
