/*
 * row.h - what a checkpoint is made of: every object that is saved has a row in the catalogue.
 *
 * An object embeds a struct row. Its module tells when it is about to change (row_touch) or to go
 * (row_remove), and how its key and its content are written: two functions per class. Everything
 * else happens here: a checkpoint holds what was touched since the one before, as it was at the
 * checkpoint's position, without a turn that writes it all.
 *
 *     unborn --touch--> DIRTY --rows_begin--> PENDING --rows_step, or touch--> CLEAN --touch--> DIRTY
 *
 *   R1  row_touch comes before the change: a row that is PENDING is written then, as it still is
 *       what it was at the position of the checkpoint. An object that was just made is touched
 *       when it is whole. The same with row_remove: the object must still be whole.
 *   R2  What a row's content is made of changes only under a touch of this row.
 *   R3  In order of their keys the rows can be loaded: a class may refer to those above it, and
 *       within a class each row stands alone.
 *   R4  Empty content means no row: the object's change function wrote nothing.
 *
 * A key is the octet of its class and what the key function adds: big-endian numbers, and names by
 * change_put_bytes, so that no key is the beginning of another of its class. The content is the
 * head of a change (change.h) that brings the object about when it is loaded.
 *
 * To add a class: a line below, its two functions, a line in docs/journal.md.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_ROW_H
#define ENGINE_ROW_H

#include "base/buf.h"
#include "base/list.h"

struct catalogue;
struct engine;

/* octet (on disk, in the order of loading), name, change, functions: x_key, x_head */
#define ROW_LIST(X)                                                                                \
    X(1, IDS, IDS, engine_row)                                                                     \
    X(4, USER, USER_SET, user_row)                                                                 \
    X(5, ACL, ACL_ADDED, acl_row)                                                                  \
    X(6, QUOTA, QUOTA_SET, quota_row)                                                              \
    X(16, TOPIC, TOPIC_CREATED, topic_row)                                                         \
    X(20, SEGMENT, SEGMENT_MADE, room_row)                                                         \
    X(24, LOG, LOG_STATE, log_row)                                                                 \
    X(25, LOG_CHUNK, LOG_ENTRIES, log_chunk_row)                                                   \
    X(26, LOG_TXNS, LOG_TXNS, log_txns_row)                                                        \
    X(27, LOG_ABORTED, LOG_ABORTED, log_aborted_row)                                               \
    X(32, PRODUCER_STATE, PRODUCER_STATE, producer_state_row)                                      \
    X(40, QUEUE, QUEUE_DECLARED, queue_row)                                                        \
    X(41, QUEUE_STATE, QUEUE_STATE, queue_state_row)                                               \
    X(48, EXCHANGE, EXCHANGE_DECLARED, exchange_row)                                               \
    X(49, BINDING, BOUND, binding_row)                                                             \
    X(56, OFFSETS, OFFSETS_COMMITTED, offsets_row)                                                 \
    X(57, GROUP_POLICY, GROUP_POLICY, group_policy_row)                                            \
    X(58, GROUP, GROUP_STATE, group_row)                                                           \
    X(59, GROUP_MEMBER, GROUP_MEMBER, group_member_row)                                            \
    X(60, TXN, TXN_STATE, txn_row)                                                                 \
    X(61, TXN_OFFSET, TXN_OFFSETS, txn_offset_row)                                                 \
    X(62, SHARE_GROUP, SHARE_GROUP_SET, share_group_row)

/* Those of them that people find in the catalogue's table `definition`: x_define. */
#define ROW_DEFINE_LIST(X)                                                                         \
    X(TOPIC, "topic", topic_row)                                                                   \
    X(QUEUE, "queue", queue_row)                                                                   \
    X(EXCHANGE, "exchange", exchange_row)                                                          \
    X(USER, "user", user_row)

enum row_class {
#define X(octet, name, change, prefix) ROW_##name = octet,
    ROW_LIST(X)
#undef X
        ROW_CLASS_END = 64
};

struct row {
    struct list in_rows; /* clean, dirty or pending; unborn: none */
    uint32_t    stamp;   /* tells which (row.c) */
    uint8_t     class;
    bool        is_saved; /* the catalogue, or the checkpoint that is gathered, has it */
};

struct rows {
    struct list       clean, dirty, pending;
    uint32_t          clean_stamp, dirty_stamp, last_stamp;
    size_t            dirty_count;   /* with the removals: what the next checkpoint has to do */
    struct catalogue *catalogue;
    bool              is_loading;    /* what is touched comes from the catalogue */
    bool              is_closed;
    struct buf        key, head;     /* scratch */
};

void rows_init(struct rows *r);
/* What is touched is in c already, until rows_loaded. */
void rows_load(struct rows *r, struct catalogue *c);
void rows_loaded(struct rows *r);
/* From here on rows may be freed without a word. */
void rows_close(struct rows *r);
void rows_fini(struct rows *r);

void row_init(struct row *row, enum row_class class);
static inline bool row_is_born(const struct row *row)
{
    return row->stamp != 0;
}
/* R1 */
void row_touch(struct engine *e, struct row *row);
void row_remove(struct engine *e, struct row *row);

/* Begins to gather a checkpoint of the state as it is now. */
void rows_begin(struct engine *e, bool is_full);
/* Writes so many of the rows that are pending; true when all are written: c may be committed. */
bool rows_step(struct engine *e, size_t count);

/* The functions of a class write the key behind its octet, and the head of its change. */
typedef void row_write_fn(struct engine *e, const struct row *row, struct buf *out);
#define X(octet, name, change, prefix)                                                             \
    row_write_fn prefix##_key;                                                                     \
    row_write_fn prefix##_head;
ROW_LIST(X)
#undef X

struct row_definition {
    struct bytes ns, name;
    char         text[192];
};
typedef void row_define_fn(struct engine *e, const struct row *row, struct row_definition *out);
#define X(name, what, prefix) row_define_fn prefix##_define;
ROW_DEFINE_LIST(X)
#undef X

#endif
