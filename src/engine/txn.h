/*
 * txn.h - Kafka's transactions: over many turns, atomic. The calls: txn_calls.h.
 *
 * A transaction has two halves. Its id knows who may write (txn.c, txn_end.c, txn_offsets.c); each log
 * it writes to knows since which offset (txn_log.c):
 *
 *              init                      first partition or group
 *   (none) ----------> EMPTY --------------------------------------> ONGOING
 *                        ^  ^                                         |   |
 *                  init  |  `---- init (aborts first) ----------------'   | end, or its time is over
 *                        |                                                v
 *                        `------------------- COMMITTED, ABORTED <--------'
 *                                                   |  7 days without a word
 *                                                   `------> (none)
 *
 *     offsets of a log    ....... stable ................................. end
 *                         whatever  first record of the oldest open
 *                         is here   transaction; anything may follow
 *                         is final
 *
 * Kafka needs a state "prepared" between the decision and the last marker, because partitions, groups
 * and transactions live on different brokers. Here all of it is one shard's: the markers in every
 * partition, the offsets of every group and the new state are one group of the journal, written in the
 * turn that decides. There is nothing to resume and nothing to undo.
 *
 *   T1  The end of a transaction is one group of records, which recovery sees whole or not at all.
 *   T2  A transactional batch is appended only while its transaction is open and has the log; the
 *       change that says so is journalled before it.
 *   T3  A log's open transactions are in order of their first offset. log stable is the first one's, or
 *       the log's end; it never goes back.
 *   T4  Queues get what lies below stable, in order, at the moment when it comes to lie there: lanes
 *       end at stable. What was aborted, and markers, they settle as FATE_ABORTED when its turn comes:
 *       until then it counts as a message.
 *   T5  Readers of what is committed get what lies below stable as it is on disk: an end that could
 *       still be taken back by a crash has not come for them.
 *   T6  Retention and compaction leave alone what is not below stable. DeleteRecords may cut there,
 *       then the transaction has lost what was below.
 *   T7  An epoch that was given out is never given to somebody else: who is fenced stays so.
 *   T8  Pending offsets are seen by nobody; they are journalled as committed ones when they become so.
 *
 * What a marker is worth to a log is worth remembering only when it aborts: of these each log keeps a
 * list (LOG_ABORTED) until they are below its start or compacted. Producers of a log are forgotten a
 * day after their last word.
 *
 * Changes (docs/journal.md):
 *   TXN_STATE      all there is to know of an id but pending offsets
 *   TXN_ADDED      logs and groups that became part of it; it is ONGOING from then on
 *   TXN_OFFSETS    offsets that are pending
 *   TXN_FORGOTTEN  id
 *   LOG_TXNS       catalogue only: open transactions of a log, and what waits behind them
 *   LOG_ABORTED    catalogue only: an aborted transaction in a log
 * The markers are APPENDED.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_TXN_H
#define ENGINE_TXN_H

#include "engine/engine_int.h"
#include "engine/txn_calls.h"

enum {
    TXN_FORGET_MS = 7 * 24 * 60 * 60 * 1000,
    TXN_ABORTED_MAX = 1000000, /* that logs remember together: no transaction begins beyond */
};

/* ---- an id: txn.c ---- */
struct txn {
    struct row      row;
    struct engine  *engine;
    uint64_t        number;
    struct name_key key;
    int64_t         producer, previous; /* previous: before its epochs were used up; -1: none */
    int16_t         epoch, last_epoch;  /* last: before the latest bump; -1: none */
    int32_t         timeout_ms;
    enum txn_state  state;
    bool            bumps; /* its client spoke the second version last (KIP-890) */
    int64_t         started_ms; /* -1: never */
    int64_t         updated_ms;
    struct txn_logs {
        uint64_t *at; /* ids, ascending; they may be gone */
        size_t    count, cap;
    } logs;
    struct txn_groups {
        struct bytes *at; /* owned */
        size_t        count, cap;
    } groups;
    struct list  offsets; /* pending: txn_offset.in_txn */
    size_t       offset_count;
    struct timer timer; /* the end of its time, or of our memory */
};

struct txn *txn_find(struct engine *e, struct bytes ns, struct bytes id);
bool txn_has_log(const struct txn *t, uint64_t log);
bool txn_has_group(const struct txn *t, struct bytes group);
/* Journals and applies that these are part of it, if they are not yet. ERR_LIMIT. */
struct txn_parts {
    size_t          log_count;
    const uint64_t *logs;
    struct bytes    group; /* null: none */
    bool            bumps; /* who says so speaks the second version */
};
MUST_CHECK enum err txn_add(struct txn *t, const struct txn_parts *parts);
/* What TXN_STATE would say: what is to become of an id. */
struct txn_next {
    int64_t        producer, previous;
    int16_t        epoch, last_epoch;
    int32_t        timeout_ms;
    enum txn_state state;
    bool           bumps;
    int64_t        started_ms;
};
struct txn_next txn_next_of(const struct txn *t);
/* Journals and applies. Partitions, groups and pending offsets are none from then on. */
void txn_set(struct txn *t, const struct txn_next *next);
/* Of an id that nobody uses. */
void txn_make(struct engine *e, struct bytes ns, struct bytes id, const struct txn_next *next);
void txn_fini(struct engine *e);

/* ---- txn_end.c ---- */
/* T1. epoch is that of the markers, next what becomes of the id. */
void txn_end(struct txn *t, bool is_commit, int16_t epoch, const struct txn_next *next);
/* Fences its producer and aborts what is open; what becomes of it is in *next. */
void txn_fence(struct txn *t);

/* ---- txn_offsets.c ---- */
/* They are nobody's any more. */
void txn_offsets_drop(struct txn *t);
/* Commits them, as one of the changes of the end. */
void txn_offsets_commit(struct txn *t);
bool txn_offset_is_pending(struct engine *e, struct bytes ns, struct bytes group,
                           struct bytes topic, uint32_t partition);
bool txn_group_has_pending(struct engine *e, struct bytes ns, struct bytes group);
void txn_offsets_fini(struct engine *e);

/* ---- a log: txn_log.c ---- */

/* A transaction that is open in a log, or whose end is not known to be on disk. */
struct log_open {
    struct list in_log; /* log_txns.open or .ending */
    int64_t     producer;
    uint64_t    first;  /* offset */
    uint64_t    marker; /* offset; while it is open UINT64_MAX */
};

struct log_aborted {
    struct row  row;
    struct log *log;
    int64_t     producer;
    uint64_t    first, marker;
    uint64_t    stable; /* what stable became by it: what ended later lies behind that */
};

/* Of a log that has, or had, transactions. */
struct log_txns {
    struct row  row;
    struct log *log;
    uint64_t    from;   /* below lies nothing transactional */
    struct list open;   /* T3 */
    struct list ending; /* T5; in order of their markers */
    uint64_t    shown;  /* where lanes end; UINT64_MAX: where the log does */
    struct log_held {
        struct withheld {
            uint64_t base, count;
            int64_t  due_ms; /* 0: at once */
        } *at; /* appended above stable with a delay of their own, or without any */
        size_t count, cap;
    } held;
    struct log_aborts {
        struct log_aborted **at; /* by marker */
        size_t               first, count, cap;
    } aborts;
};

/* These are part of an apply. */
/* A transactional batch of the producer, which has none open here, comes in at the log's end. */
struct log_open *txn_log_begin(struct engine *e, struct log *l, int64_t producer, uint64_t base);
/* A marker comes in at base; open: what it ends, or NULL. */
void txn_log_end(struct engine *e, struct log *l, struct log_open *open, bool is_commit, uint64_t base);
/* After a batch came in, with its own delay (-1: none), instead of telling the queues. */
void txn_log_note(struct engine *e, struct log *l, const struct log_entry *entry, int64_t delay_ms);
/* Whether that is needed. */
bool txn_log_is_open(const struct log *l);
/* Its start was raised. */
void txn_log_trimmed(struct engine *e, struct log *l);
/* It is compacted up to there: what was aborted below is gone. */
void txn_log_compacted(struct engine *e, struct log *l, uint64_t clean);
struct log_open *txn_log_find(const struct log *l, int64_t producer);
void txn_log_fini(struct engine *e, struct log *l);


/* T3 */
uint64_t txn_log_stable(const struct log *l);
/* T5; log.durable was brought up to date. */
uint64_t txn_log_committed(struct log *l);
/* Whether the batch, which is below stable, is for nobody who wants what is committed: it was aborted,
 * or it is a marker. */
bool txn_log_is_hidden(const struct log *l, const struct batch_head *head, uint64_t base);
/* Those that are known now, for another thread. free(at) */
struct txn_aborts {
    size_t               count;
    struct log_aborted **at;
};
struct txn_aborts txn_log_aborts(const struct log *l);
/* Whether the producer's transactional batch at base was aborted. */
bool txn_aborts_have(const struct txn_aborts *as, int64_t producer, uint64_t base);
/* What was aborted among the batches of an answer, for its client, into memory of the arena. The client
 * leaves out what a producer wrote from the first offset of a range to the marker behind it. A marker may
 * be gone, settled in the middle of its log, while something of its transaction is still there: then
 * the answer must end before more of that producer comes, and *count is less. */
size_t txn_log_tell(const struct log *l, const struct batch_ref *batches, size_t *count,
                    struct arena *arena, struct aborted_range **out);

#endif
