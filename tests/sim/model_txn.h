/*
 * model_txn.h - Kafka's transactions, as far as clients can tell how they ended. The model does not
 * repeat what the engine decides: it gathers what was seen, and no two things that were seen may
 * contradict each other.
 *
 *   MT1  A transaction is committed when its end was answered so, when one of its markers, records or
 *        offsets is shown as committed; aborted likewise, and when its owner was fenced before it
 *        asked for a commit. Whatever was seen was on disk, so it stays.
 *   MT2  What nobody asked to commit is never committed.
 *   MT3  Of a transaction that has ended each log with a record of it has the marker, and each
 *        offset of it is committed; of one that was aborted none is.
 *   MT4  Whoever comes later with a transactional id fences those before: what these ask for
 *        afterwards is refused. Who was not fenced, and in time, is not refused.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_MODEL_TXN_H
#define SIM_MODEL_TXN_H

#include "engine/txn_calls.h"
#include "model_keep.h"

enum {
    TXN_IDS = 3, /* "w0", "w1", and the copiers' */
    TXN_ID_COPY = 2,
    TXN_BATCHES_MAX = 8,
    TXN_OFFERS_MAX = 6,
    MARKER_BYTES = 100, /* no marker is larger */
};

enum m_end { TXN_OPEN, TXN_IS_COMMITTED, TXN_IS_ABORTED };

/* An offset that it will commit. */
struct m_offer {
    struct m_slot *slot;
    int64_t        offset;
    uint64_t       number;
    enum outcome   outcome;
};

struct m_txn {
    struct m_txn   *next; /* the one begun before */
    unsigned        id;
    uint64_t        init; /* number of the call by which its owner got its epoch */
    int64_t         producer;
    enum m_end      end;
    uint64_t        ended; /* number of the last call before that was known */
    uint64_t        first_asked, asked; /* numbers of the first and last call that asked for its commit; 0: none */
    unsigned        asked_count; /* how many did */
    int64_t         asked_ms;
    size_t          batch_count;
    struct m_batch *batches[TXN_BATCHES_MAX];
    size_t          offer_count;
    struct m_offer  offers[TXN_OFFERS_MAX];
};

/* A producer and epoch that somebody was given. */
struct m_grant {
    struct m_grant *next;
    unsigned        id;
    int64_t         producer;
    int16_t         epoch;
    uint64_t        number; /* of the call */
    bool            is_bump; /* of an end: nobody is fenced by it */
};

struct m_txns {
    struct m_txn   *newest;
    struct m_grant *grants;
    uint64_t        last_init[TXN_IDS]; /* number of the last CALL_TXN_INIT, whatever came of it */
    int64_t         copied_ms;    /* copiers committed something then or later, or a restart began their week anew */
    bool            is_forgotten; /* their position may have been: a week without a word */
};

const char *txn_id_name(unsigned id);
void model_begin_txns(struct model *m);
void model_free_txns(struct model *m);

struct m_txn *model_new_txn(struct model *m, unsigned id, uint64_t init, int64_t producer);
/* The batch is about to become part of it, by the call that the engine is about to see. */
void m_txn_add(struct m_txn *t, struct m_batch *b);
struct m_offer *m_txn_offer(struct m_txn *t, struct m_slot *slot, int64_t offset, uint64_t number);
/* The engine is about to see a call that asks for its commit. */
void model_txn_ask(struct model *m, struct m_txn *t, uint64_t number);
/* MT1; how: what was seen. */
void model_txn_ended(struct model *m, struct m_txn *t, enum m_end end, const char *how);
/* The offer was refused. */
void model_txn_refused(struct m_txn *t, struct m_offer *o);

/* The group is about to be deleted, if it can be: what is pending for it goes along. */
void model_txn_group_deleted(struct model *m, unsigned group);

/* CALL_TXN_INIT is about to be seen, was answered. */
void model_txn_init(struct model *m, unsigned id, uint64_t number);
void model_txn_granted(struct model *m, unsigned id, uint64_t number, int64_t producer,
                       int16_t epoch);

/* The end of a transaction gave its owner another epoch. */
void model_txn_bumped(struct model *m, unsigned id, uint64_t number, int64_t producer,
                      int16_t epoch);
/* A queue handed out a record of the batch. */
void model_txn_delivered(struct model *m, const struct m_batch *b);

/* A control batch was seen. */
void model_see_marker(struct model *m, struct m_log *l, const struct batch_ref *ref,
                      const struct batch_head *head);
/* What a reader of what is committed was shown, as its client takes it; returns the offset after it. */
uint64_t model_see_committed(struct model *m, struct m_log *l, const struct read_item *item,
                             struct m_holes *holes);
/* MT3, after all logs were seen to their ends, and the offsets of all groups. */
void model_decide_txns(struct model *m);

/* The record there may be held back by a transaction that is open, or is of one that is not surely
 * committed. */
bool m_log_is_unstable(struct model *m, const struct m_log *l, uint64_t offset);
/* A record of it takes the place of earlier ones of its key, or may. */
bool m_batch_counts(const struct m_batch *b);
bool m_batch_is_committed(const struct m_batch *b);
/* Of the markers that may lie in the log. */
uint64_t m_log_marker_bytes(struct model *m, const struct m_log *l);

#endif
