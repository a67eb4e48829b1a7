/*
 * txn_calls.h - arguments and results of the calls on Kafka transactions, which last over many turns
 * (several calls in one turn: transact_calls.h). See call.h for the rules, txn.h for what happens.
 *
 * A transaction belongs to a transactional id, a name, and to the producer id and epoch that it was
 * given last. `bumps`, where a call has it, tells the second version of the protocol (KIP-890): the
 * end of a transaction raises the epoch, and what is written becomes part of the transaction by that.
 * Records come in by CALL_APPEND.
 */
#ifndef ENGINE_TXN_CALLS_H
#define ENGINE_TXN_CALLS_H

#include "engine/group_calls.h"

enum {
    TXN_NAME_BYTES_MAX = 32767,
    TXN_TIMEOUT_MS_MAX = 15 * 60 * 1000,
    TXN_IDS_MAX = 1000000,
    TXN_PARTITIONS_MAX = 10000, /* of one transaction */
    TXN_GROUPS_MAX = 1000,
    TXN_OFFSETS_MAX = 100000, /* pending, of one transaction */
};

/*
 * Who comes with a transactional id fences whoever had it: an open transaction is aborted, the epoch
 * goes up. ERR_BAD_NAME, ERR_BAD_TXN_TIMEOUT, ERR_FENCED_PRODUCER (not the producer it is said to be),
 * ERR_LIMIT (TXN_IDS_MAX).
 */
struct txn_init_call {
    struct call  call;
    struct bytes ns, id;
    int32_t      timeout_ms;
    int64_t      producer_id;    /* in: -1, or what it had. out */
    int16_t      producer_epoch; /* likewise */
};

struct txn_partition {
    struct bytes name; /* in */
    uint32_t     partition;
    enum err     err; /* out; ERR_NO_TOPIC, ERR_NO_PARTITION; with is_check ERR_NOT_IN_TXN */
};

/*
 * Makes partitions and a group's offsets part of the transaction, which begins with the first of
 * them: all or none. ERR_UNKNOWN_PRODUCER, ERR_FENCED_PRODUCER, ERR_LIMIT; ERR_NO_TOPIC: look at the
 * items, those that could have been added have no error.
 */
struct txn_add_call {
    struct call           call;
    struct bytes          ns, id;
    int64_t               producer_id;
    int16_t               producer_epoch;
    struct bytes          group; /* null: none */
    size_t                item_count;
    struct txn_partition *items;
    bool                  is_check; /* only asks whether they are */
    bool                  bumps;
};

/* ERR_UNKNOWN_PRODUCER, ERR_FENCED_PRODUCER, ERR_TXN_STATE. The end that was asked for before is
 * not an error. */
struct txn_end_call {
    struct call  call;
    struct bytes ns, id;
    bool         is_commit, bumps;
    int64_t      producer_id;    /* in. out: of the next transaction */
    int16_t      producer_epoch; /* likewise */
};

/*
 * Offsets that are committed when the transaction is. commit.call is the call; its errors and those
 * of its items are as of CALL_OFFSETS_COMMIT, but that whoever names no member may always commit; and
 * ERR_UNKNOWN_PRODUCER, ERR_FENCED_PRODUCER, ERR_NOT_IN_TXN, ERR_LIMIT.
 */
struct txn_offsets_call {
    struct offsets_commit_call commit;
    struct bytes               id;
    int64_t                    producer_id;
    int16_t                    producer_epoch;
    bool                       bumps;
};

enum txn_state { /* on disk */
    TXN_EMPTY,
    TXN_ONGOING,
    TXN_COMMITTED,
    TXN_ABORTED,
    TXN_STATE_COUNT
};

struct txn_view {
    struct bytes          id;
    enum txn_state        state;
    int64_t               producer_id;
    int16_t               producer_epoch;
    int32_t               timeout_ms;
    int64_t               started_ms; /* -1: none was yet */
    size_t                partition_count;
    struct txn_partition *partitions; /* by topic */
    enum err              err;        /* ERR_NO_TXN */
};

/* All of them that the filters leave, or those named. */
struct txn_list_call {
    struct call      call;
    struct bytes     ns;
    size_t           id_count; /* in; ids are given: views has one for each of them */
    struct bytes    *ids;
    unsigned         states; /* in; a bit for each state; 0: any */
    size_t           producer_count; /* in; 0: any */
    const int64_t   *producers;
    int64_t          running_ms; /* in; ongoing for longer than that; -1: any */
    size_t           view_count; /* out */
    struct txn_view *views;
};

/* Who writes to a partition. */
struct producer_view {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t last_sequence; /* -1: none */
    int64_t last_ms;
    bool    has_ended;    /* a transaction */
    int64_t txn_first;    /* offset; -1: it has no open transaction here */
};
struct producers_item {
    struct bytes          name;
    uint32_t              partition;
    enum err              err; /* out; ERR_NO_TOPIC, ERR_NO_PARTITION */
    size_t                count;
    struct producer_view *producers;
};
struct producers_get_call {
    struct call            call;
    struct bytes           ns;
    size_t                 item_count;
    struct producers_item *items;
};

#endif
