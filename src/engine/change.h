/*
 * change.h - the kinds of journal records, and who applies each.
 *
 * The layout of every head is documented at its encoder and in docs/journal.md. A number is never
 * used again for something else: they are on disk. To add one: a row here, an apply function, its
 * row in a checkpoint (row.h), a line in docs/journal.md.
 */
#ifndef ENGINE_CHANGE_H
#define ENGINE_CHANGE_H

#include "base/buf.h"

/* number, name, apply function */
#define CHANGE_LIST(X)                                                                             \
    X(1, TOPIC_CREATED, topic_apply_created)                                                       \
    X(2, TOPIC_DELETED, topic_apply_deleted)                                                       \
    X(3, TOPIC_NATIVE, topic_apply_native)                                                         \
    X(4, TOPIC_POLICY, topic_apply_policy)                                                         \
    X(5, TOPIC_GROWN, topic_apply_grown)                                                           \
    X(9, LOG_COMPACTED, compactor_apply_compacted)                                                 \
    X(10, APPENDED, append_apply_appended)                                                         \
    X(7, APPENDED_RUN, append_apply_run)                                                           \
    X(11, LOG_STATE, log_apply_state)                                                              \
    X(12, PRODUCER_MADE, producer_apply_made)                                                      \
    X(13, PRODUCER_STATE, producer_apply_state)                                                    \
    X(14, SEGMENT_MADE, room_apply_made)                                                           \
    X(15, SEGMENT_DROPPED, room_apply_dropped)                                                     \
    X(16, EXTENT_MOVED, extent_apply_moved)                                                        \
    X(17, EXTENT_APPENDED, stage_apply_appended)                                                   \
    X(18, LOG_TRIMMED, log_apply_trimmed)                                                          \
    X(19, LOG_ENTRIES, log_apply_entries)                                                          \
    X(20, QUEUE_DECLARED, queue_apply_declared)                                                    \
    X(21, QUEUE_DELETED, queue_apply_deleted)                                                      \
    X(22, QUEUE_ALTERED, queue_apply_altered)                                                      \
    X(23, QUEUE_LEASED, queue_apply_leased)                                                        \
    X(24, QUEUE_SETTLED, queue_apply_settled)                                                      \
    X(25, QUEUE_RELEASED, queue_apply_released)                                                    \
    X(26, QUEUE_EXTENDED, queue_apply_extended)                                                    \
    X(27, QUEUE_PURGED, queue_apply_purged)                                                        \
    X(28, QUEUE_STATE, queue_apply_state)                                                          \
    X(29, QUEUE_SEEKED, queue_apply_seeked)                                                        \
    X(30, TXN_STATE, txn_apply_state)                                                              \
    X(31, TXN_ADDED, txn_apply_added)                                                              \
    X(32, TXN_OFFSETS, txn_offsets_apply)                                                          \
    X(33, TXN_FORGOTTEN, txn_apply_forgotten)                                                      \
    X(34, LOG_TXNS, txn_log_apply_open)                                                            \
    X(35, LOG_ABORTED, txn_log_apply_aborted)                                                      \
    X(40, EXCHANGE_DECLARED, exchange_apply_declared)                                              \
    X(41, EXCHANGE_DELETED, exchange_apply_deleted)                                                \
    X(42, BOUND, exchange_apply_bound)                                                             \
    X(43, UNBOUND, exchange_apply_unbound)                                                         \
    X(46, GROUP_STATE, group_apply_state)                                                          \
    X(47, GROUP_MEMBER, group_apply_member)                                                        \
    X(48, GROUP_MEMBER_GONE, group_apply_member_gone)                                              \
    X(50, OFFSETS_COMMITTED, group_apply_committed)                                                \
    X(51, GROUP_DELETED, group_apply_deleted)                                                      \
    X(52, USER_SET, user_apply_set)                                                                \
    X(53, USER_DELETED, user_apply_deleted)                                                        \
    X(54, ACL_ADDED, acl_apply_added)                                                              \
    X(55, ACL_REMOVED, acl_apply_removed)                                                          \
    X(56, GROUP_POLICY, group_policy_apply)                                                        \
    X(57, SHARE_GROUP_SET, share_apply_set)                                                        \
    X(58, SHARE_GROUP_DELETED, share_apply_deleted)                                                \
    X(59, QUOTA_SET, quota_apply_set)                                                              \
    X(60, IDS, engine_apply_ids)

enum change {
#define X(number, name, apply) CHANGE_##name = number,
    CHANGE_LIST(X)
#undef X
        CHANGE_KIND_END = 64
};

/* Field encodings of heads: numbers as uvarint (buf_uvarint, rd_uvarint64); bytes as uvarint
 * length + 1 and the bytes, 0 for null; times as varint milliseconds. */
void change_put_bytes(struct buf *head, struct bytes b);
struct bytes change_get_bytes(struct rd *head);

#endif
