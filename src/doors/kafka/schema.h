/*
 * schema.h - Kafka's messages, as far as we speak them: every field with the versions it exists in.
 *
 * Each list names the fields of one struct S in wire order: F(S, type, name, since, until, nullable
 * since) for a plain one, A(S, element, name, since, until, nullable since) for an array of structs
 * and O(...) likewise for one struct or none. SCHEMA_LIST names the structs; those of groups and of
 * administration are listed in headers of their own. From these come the C structs here and the
 * layouts in schema.c; handlers see only the structs. To add a version: check every message it
 * touches against the protocol's documentation, change the rows, raise the maximum in apis.c, add
 * its golden bytes to the tests.
 *
 * LAST: still there in the newest version. NEVER: not nullable. Tagged fields are left out (wire.h
 * WI5).
 */
#ifndef DOORS_KAFKA_SCHEMA_H
#define DOORS_KAFKA_SCHEMA_H

#include "doors/kafka/schema_acls.h"
#include "doors/kafka/schema_admin.h"
#include "doors/kafka/schema_txn.h"
#include "doors/kafka/schema_groups.h"
#include "doors/kafka/schema_security.h"
#include "doors/kafka/schema_share.h"
#include "doors/kafka/wire.h"
#include "engine/topic_calls.h"

/* ---- 0 Produce ---- */
#define PRODUCE_REQUEST_PARTITION(S, F, A, O)                                                      \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, RECORDS, records, 0, LAST, 0)
#define PRODUCE_REQUEST_TOPIC(S, F, A, O)                                                          \
    F(S, STRING, name, 0, 12, NEVER)                                                               \
    F(S, UUID, topic_id, 13, LAST, NEVER)                                                          \
    A(S, produce_request_partition, partitions, 0, LAST, NEVER)
#define PRODUCE_REQUEST(S, F, A, O)                                                                \
    F(S, STRING, transactional_id, 3, LAST, 3)                                                     \
    F(S, I16, acks, 0, LAST, NEVER)                                                                \
    F(S, I32, timeout_ms, 0, LAST, NEVER)                                                          \
    A(S, produce_request_topic, topics, 0, LAST, NEVER)
#define PRODUCE_RECORD_ERROR(S, F, A, O)                                                           \
    F(S, I32, batch_index, 8, LAST, NEVER)                                                         \
    F(S, STRING, message, 8, LAST, 8)
#define PRODUCE_RESPONSE_PARTITION(S, F, A, O)                                                     \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I64, base_offset, 0, LAST, NEVER)                                                         \
    F(S, I64, log_append_time_ms, 2, LAST, NEVER)                                                  \
    F(S, I64, log_start_offset, 5, LAST, NEVER)                                                    \
    A(S, produce_record_error, record_errors, 8, LAST, NEVER)                                      \
    F(S, STRING, error_message, 8, LAST, 8)
#define PRODUCE_RESPONSE_TOPIC(S, F, A, O)                                                         \
    F(S, STRING, name, 0, 12, NEVER)                                                               \
    F(S, UUID, topic_id, 13, LAST, NEVER)                                                          \
    A(S, produce_response_partition, partitions, 0, LAST, NEVER)
#define PRODUCE_RESPONSE(S, F, A, O)                                                               \
    A(S, produce_response_topic, topics, 0, LAST, NEVER)                                           \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)

/* ---- 1 Fetch ---- */
#define FETCH_REQUEST_PARTITION(S, F, A, O)                                                        \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I32, current_leader_epoch, 9, LAST, NEVER)                                                \
    F(S, I64, fetch_offset, 0, LAST, NEVER)                                                        \
    F(S, I32, last_fetched_epoch, 12, LAST, NEVER)                                                 \
    F(S, I64, log_start_offset, 5, LAST, NEVER)                                                    \
    F(S, I32, partition_max_bytes, 0, LAST, NEVER)
#define FETCH_REQUEST_TOPIC(S, F, A, O)                                                            \
    F(S, STRING, name, 0, 12, NEVER)                                                               \
    F(S, UUID, topic_id, 13, LAST, NEVER)                                                          \
    A(S, fetch_request_partition, partitions, 0, LAST, NEVER)
#define FETCH_FORGOTTEN_TOPIC(S, F, A, O)                                                          \
    F(S, STRING, name, 7, 12, NEVER)                                                               \
    F(S, UUID, topic_id, 13, LAST, NEVER)                                                          \
    F(S, I32S, partitions, 7, LAST, NEVER)
#define FETCH_REQUEST(S, F, A, O)                                                                  \
    F(S, I32, replica_id, 0, 14, NEVER)                                                            \
    F(S, I32, max_wait_ms, 0, LAST, NEVER)                                                         \
    F(S, I32, min_bytes, 0, LAST, NEVER)                                                           \
    F(S, I32, max_bytes, 3, LAST, NEVER)                                                           \
    F(S, I8, isolation_level, 4, LAST, NEVER)                                                      \
    F(S, I32, session_id, 7, LAST, NEVER)                                                          \
    F(S, I32, session_epoch, 7, LAST, NEVER)                                                       \
    A(S, fetch_request_topic, topics, 0, LAST, NEVER)                                              \
    A(S, fetch_forgotten_topic, forgotten_topics, 7, LAST, NEVER)                                  \
    F(S, STRING, rack_id, 11, LAST, NEVER)
#define FETCH_ABORTED_TRANSACTION(S, F, A, O)                                                      \
    F(S, I64, producer_id, 4, LAST, NEVER)                                                         \
    F(S, I64, first_offset, 4, LAST, NEVER)
#define FETCH_RESPONSE_PARTITION(S, F, A, O)                                                       \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I64, high_watermark, 0, LAST, NEVER)                                                      \
    F(S, I64, last_stable_offset, 4, LAST, NEVER)                                                  \
    F(S, I64, log_start_offset, 5, LAST, NEVER)                                                    \
    A(S, fetch_aborted_transaction, aborted_transactions, 4, LAST, 4)                              \
    F(S, I32, preferred_read_replica, 11, LAST, NEVER)                                             \
    F(S, SLICES, records, 0, LAST, NEVER)
#define FETCH_RESPONSE_TOPIC(S, F, A, O)                                                           \
    F(S, STRING, name, 0, 12, NEVER)                                                               \
    F(S, UUID, topic_id, 13, LAST, NEVER)                                                          \
    A(S, fetch_response_partition, partitions, 0, LAST, NEVER)
#define FETCH_RESPONSE(S, F, A, O)                                                                 \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    F(S, I16, error_code, 7, LAST, NEVER)                                                          \
    F(S, I32, session_id, 7, LAST, NEVER)                                                          \
    A(S, fetch_response_topic, topics, 0, LAST, NEVER)

/* ---- 2 ListOffsets ---- */
#define LIST_OFFSETS_REQUEST_PARTITION(S, F, A, O)                                                 \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I32, current_leader_epoch, 4, LAST, NEVER)                                                \
    F(S, I64, timestamp, 0, LAST, NEVER)
#define LIST_OFFSETS_REQUEST_TOPIC(S, F, A, O)                                                     \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, list_offsets_request_partition, partitions, 0, LAST, NEVER)
#define LIST_OFFSETS_REQUEST(S, F, A, O)                                                           \
    F(S, I32, replica_id, 0, LAST, NEVER)                                                          \
    F(S, I8, isolation_level, 2, LAST, NEVER)                                                      \
    A(S, list_offsets_request_topic, topics, 0, LAST, NEVER)                                       \
    F(S, I32, timeout_ms, 10, LAST, NEVER)
#define LIST_OFFSETS_RESPONSE_PARTITION(S, F, A, O)                                                \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I64, timestamp, 1, LAST, NEVER)                                                           \
    F(S, I64, offset, 1, LAST, NEVER)                                                              \
    F(S, I32, leader_epoch, 4, LAST, NEVER)
#define LIST_OFFSETS_RESPONSE_TOPIC(S, F, A, O)                                                    \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, list_offsets_response_partition, partitions, 0, LAST, NEVER)
#define LIST_OFFSETS_RESPONSE(S, F, A, O)                                                          \
    F(S, I32, throttle_time_ms, 2, LAST, NEVER)                                                    \
    A(S, list_offsets_response_topic, topics, 0, LAST, NEVER)

/* ---- 3 Metadata ---- */
#define METADATA_REQUEST_TOPIC(S, F, A, O)                                                         \
    F(S, UUID, topic_id, 10, LAST, NEVER)                                                          \
    F(S, STRING, name, 0, LAST, 10)
#define METADATA_REQUEST(S, F, A, O)                                                               \
    A(S, metadata_request_topic, topics, 0, LAST, 1)                                               \
    F(S, BOOL, allow_auto_topic_creation, 4, LAST, NEVER)                                          \
    F(S, BOOL, include_cluster_authorized_operations, 8, 10, NEVER)                                \
    F(S, BOOL, include_topic_authorized_operations, 8, LAST, NEVER)
#define METADATA_RESPONSE_BROKER(S, F, A, O)                                                       \
    F(S, I32, node_id, 0, LAST, NEVER)                                                             \
    F(S, STRING, host, 0, LAST, NEVER)                                                             \
    F(S, I32, port, 0, LAST, NEVER)                                                                \
    F(S, STRING, rack, 1, LAST, 1)
#define METADATA_RESPONSE_PARTITION(S, F, A, O)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I32, leader_id, 0, LAST, NEVER)                                                           \
    F(S, I32, leader_epoch, 7, LAST, NEVER)                                                        \
    F(S, I32S, replica_nodes, 0, LAST, NEVER)                                                      \
    F(S, I32S, isr_nodes, 0, LAST, NEVER)                                                          \
    F(S, I32S, offline_replicas, 5, LAST, NEVER)
#define METADATA_RESPONSE_TOPIC(S, F, A, O)                                                        \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, name, 0, LAST, 12)                                                                \
    F(S, UUID, topic_id, 10, LAST, NEVER)                                                          \
    F(S, BOOL, is_internal, 1, LAST, NEVER)                                                        \
    A(S, metadata_response_partition, partitions, 0, LAST, NEVER)                                  \
    F(S, I32, authorized_operations, 8, LAST, NEVER)
#define METADATA_RESPONSE(S, F, A, O)                                                              \
    F(S, I32, throttle_time_ms, 3, LAST, NEVER)                                                    \
    A(S, metadata_response_broker, brokers, 0, LAST, NEVER)                                        \
    F(S, STRING, cluster_id, 2, LAST, 2)                                                           \
    F(S, I32, controller_id, 1, LAST, NEVER)                                                       \
    A(S, metadata_response_topic, topics, 0, LAST, NEVER)                                          \
    F(S, I32, cluster_authorized_operations, 8, 10, NEVER)                                         \
    F(S, I16, error_code, 13, LAST, NEVER)

/* ---- 8 OffsetCommit ---- */
#define OFFSET_COMMIT_REQUEST_PARTITION(S, F, A, O)                                                \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I64, committed_offset, 0, LAST, NEVER)                                                    \
    F(S, I32, committed_leader_epoch, 6, LAST, NEVER)                                              \
    F(S, STRING, committed_metadata, 0, LAST, 0)
#define OFFSET_COMMIT_REQUEST_TOPIC(S, F, A, O)                                                    \
    F(S, STRING, name, 0, 9, NEVER)                                                                \
    F(S, UUID, topic_id, 10, LAST, NEVER)                                                          \
    A(S, offset_commit_request_partition, partitions, 0, LAST, NEVER)
#define OFFSET_COMMIT_REQUEST(S, F, A, O)                                                          \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, I32, generation_id, 1, LAST, NEVER)                                                       \
    F(S, STRING, member_id, 1, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 7, LAST, 7)                                                    \
    F(S, I64, retention_time_ms, 2, 4, NEVER)                                                      \
    A(S, offset_commit_request_topic, topics, 0, LAST, NEVER)
#define OFFSET_COMMIT_RESPONSE_PARTITION(S, F, A, O)                                               \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I16, error_code, 0, LAST, NEVER)
#define OFFSET_COMMIT_RESPONSE_TOPIC(S, F, A, O)                                                   \
    F(S, STRING, name, 0, 9, NEVER)                                                                \
    F(S, UUID, topic_id, 10, LAST, NEVER)                                                          \
    A(S, offset_commit_response_partition, partitions, 0, LAST, NEVER)
#define OFFSET_COMMIT_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 3, LAST, NEVER)                                                    \
    A(S, offset_commit_response_topic, topics, 0, LAST, NEVER)

/* ---- 9 OffsetFetch: one group until version 7, several since 8 ---- */
#define OFFSET_FETCH_REQUEST_TOPIC(S, F, A, O)                                                     \
    F(S, STRING, name, 0, 9, NEVER)                                                                \
    F(S, UUID, topic_id, 10, LAST, NEVER)                                                          \
    F(S, I32S, partition_indexes, 0, LAST, NEVER)
#define OFFSET_FETCH_REQUEST_GROUP(S, F, A, O)                                                     \
    F(S, STRING, group_id, 8, LAST, NEVER)                                                         \
    F(S, STRING, member_id, 9, LAST, 9)                                                            \
    F(S, I32, member_epoch, 9, LAST, NEVER)                                                        \
    A(S, offset_fetch_request_topic, topics, 8, LAST, 8)
#define OFFSET_FETCH_REQUEST(S, F, A, O)                                                           \
    F(S, STRING, group_id, 0, 7, NEVER)                                                            \
    A(S, offset_fetch_request_topic, topics, 0, 7, 2)                                              \
    A(S, offset_fetch_request_group, groups, 8, LAST, NEVER)                                       \
    F(S, BOOL, require_stable, 7, LAST, NEVER)
#define OFFSET_FETCH_RESPONSE_PARTITION(S, F, A, O)                                                \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I64, committed_offset, 0, LAST, NEVER)                                                    \
    F(S, I32, committed_leader_epoch, 5, LAST, NEVER)                                              \
    F(S, STRING, metadata, 0, LAST, 0)                                                             \
    F(S, I16, error_code, 0, LAST, NEVER)
#define OFFSET_FETCH_RESPONSE_TOPIC(S, F, A, O)                                                    \
    F(S, STRING, name, 0, 9, NEVER)                                                                \
    F(S, UUID, topic_id, 10, LAST, NEVER)                                                          \
    A(S, offset_fetch_response_partition, partitions, 0, LAST, NEVER)
#define OFFSET_FETCH_RESPONSE_GROUP(S, F, A, O)                                                    \
    F(S, STRING, group_id, 8, LAST, NEVER)                                                         \
    A(S, offset_fetch_response_topic, topics, 8, LAST, NEVER)                                      \
    F(S, I16, error_code, 8, LAST, NEVER)
#define OFFSET_FETCH_RESPONSE(S, F, A, O)                                                          \
    F(S, I32, throttle_time_ms, 3, LAST, NEVER)                                                    \
    A(S, offset_fetch_response_topic, topics, 0, 7, NEVER)                                         \
    F(S, I16, error_code, 2, 7, NEVER)                                                             \
    A(S, offset_fetch_response_group, groups, 8, LAST, NEVER)

/* ---- 10 FindCoordinator: one key until version 3, several since 4 ---- */
#define FIND_COORDINATOR_REQUEST(S, F, A, O)                                                       \
    F(S, STRING, key, 0, 3, NEVER)                                                                 \
    F(S, I8, key_type, 1, LAST, NEVER)                                                             \
    F(S, STRINGS, coordinator_keys, 4, LAST, NEVER)
#define FIND_COORDINATOR_RESPONSE_COORDINATOR(S, F, A, O)                                          \
    F(S, STRING, key, 4, LAST, NEVER)                                                              \
    F(S, I32, node_id, 4, LAST, NEVER)                                                             \
    F(S, STRING, host, 4, LAST, NEVER)                                                             \
    F(S, I32, port, 4, LAST, NEVER)                                                                \
    F(S, I16, error_code, 4, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 4, LAST, 4)
#define FIND_COORDINATOR_RESPONSE(S, F, A, O)                                                      \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, 3, NEVER)                                                             \
    F(S, STRING, error_message, 1, 3, 1)                                                           \
    F(S, I32, node_id, 0, 3, NEVER)                                                                \
    F(S, STRING, host, 0, 3, NEVER)                                                                \
    F(S, I32, port, 0, 3, NEVER)                                                                   \
    A(S, find_coordinator_response_coordinator, coordinators, 4, LAST, NEVER)

/* ---- 11 JoinGroup ---- */
#define JOIN_GROUP_REQUEST_PROTOCOL(S, F, A, O)                                                    \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, BYTES, metadata, 0, LAST, NEVER)
#define JOIN_GROUP_REQUEST(S, F, A, O)                                                             \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, I32, session_timeout_ms, 0, LAST, NEVER)                                                  \
    F(S, I32, rebalance_timeout_ms, 1, LAST, NEVER)                                                \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 5, LAST, 5)                                                    \
    F(S, STRING, protocol_type, 0, LAST, NEVER)                                                    \
    A(S, join_group_request_protocol, protocols, 0, LAST, NEVER)                                   \
    F(S, STRING, reason, 8, LAST, 8)
#define JOIN_GROUP_RESPONSE_MEMBER(S, F, A, O)                                                     \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 5, LAST, 5)                                                    \
    F(S, BYTES, metadata, 0, LAST, NEVER)
#define JOIN_GROUP_RESPONSE(S, F, A, O)                                                            \
    F(S, I32, throttle_time_ms, 2, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I32, generation_id, 0, LAST, NEVER)                                                       \
    F(S, STRING, protocol_type, 7, LAST, 7)                                                        \
    F(S, STRING, protocol_name, 0, LAST, 7)                                                        \
    F(S, STRING, leader, 0, LAST, NEVER)                                                           \
    F(S, BOOL, skip_assignment, 9, LAST, NEVER)                                                    \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    A(S, join_group_response_member, members, 0, LAST, NEVER)

/* ---- 12 Heartbeat ---- */
#define HEARTBEAT_REQUEST(S, F, A, O)                                                              \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, I32, generation_id, 0, LAST, NEVER)                                                       \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 3, LAST, 3)
#define HEARTBEAT_RESPONSE(S, F, A, O)                                                             \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)

/* ---- 13 LeaveGroup: one member until version 2, several since 3 ---- */
#define LEAVE_GROUP_REQUEST_MEMBER(S, F, A, O)                                                     \
    F(S, STRING, member_id, 3, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 3, LAST, 3)                                                    \
    F(S, STRING, reason, 5, LAST, 5)
#define LEAVE_GROUP_REQUEST(S, F, A, O)                                                            \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, STRING, member_id, 0, 2, NEVER)                                                           \
    A(S, leave_group_request_member, members, 3, LAST, NEVER)
#define LEAVE_GROUP_RESPONSE_MEMBER(S, F, A, O)                                                    \
    F(S, STRING, member_id, 3, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 3, LAST, 3)                                                    \
    F(S, I16, error_code, 3, LAST, NEVER)
#define LEAVE_GROUP_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    A(S, leave_group_response_member, members, 3, LAST, NEVER)

/* ---- 14 SyncGroup ---- */
#define SYNC_GROUP_REQUEST_ASSIGNMENT(S, F, A, O)                                                  \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, BYTES, assignment, 0, LAST, NEVER)
#define SYNC_GROUP_REQUEST(S, F, A, O)                                                             \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, I32, generation_id, 0, LAST, NEVER)                                                       \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, group_instance_id, 3, LAST, 3)                                                    \
    F(S, STRING, protocol_type, 5, LAST, 5)                                                        \
    F(S, STRING, protocol_name, 5, LAST, 5)                                                        \
    A(S, sync_group_request_assignment, assignments, 0, LAST, NEVER)
#define SYNC_GROUP_RESPONSE(S, F, A, O)                                                            \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, protocol_type, 5, LAST, 5)                                                        \
    F(S, STRING, protocol_name, 5, LAST, 5)                                                        \
    F(S, BYTES, assignment, 0, LAST, NEVER)

/* ---- 18 ApiVersions ---- */
#define API_VERSIONS_REQUEST(S, F, A, O)                                                           \
    F(S, STRING, client_software_name, 3, LAST, NEVER)                                             \
    F(S, STRING, client_software_version, 3, LAST, NEVER)
#define API_VERSIONS_RESPONSE_KEY(S, F, A, O)                                                      \
    F(S, I16, api_key, 0, LAST, NEVER)                                                             \
    F(S, I16, min_version, 0, LAST, NEVER)                                                         \
    F(S, I16, max_version, 0, LAST, NEVER)
#define API_VERSIONS_RESPONSE(S, F, A, O)                                                          \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    A(S, api_versions_response_key, api_keys, 0, LAST, NEVER)                                      \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    F(S, TAGS, features, 3, LAST, NEVER)

/* ---- 19 CreateTopics ---- */
#define CREATE_TOPICS_REQUEST_ASSIGNMENT(S, F, A, O)                                               \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I32S, broker_ids, 0, LAST, NEVER)
#define CREATE_TOPICS_REQUEST_CONFIG(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, STRING, value, 0, LAST, 0)
#define CREATE_TOPICS_REQUEST_TOPIC(S, F, A, O)                                                    \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, I32, num_partitions, 0, LAST, NEVER)                                                      \
    F(S, I16, replication_factor, 0, LAST, NEVER)                                                  \
    A(S, create_topics_request_assignment, assignments, 0, LAST, NEVER)                            \
    A(S, create_topics_request_config, configs, 0, LAST, NEVER)
#define CREATE_TOPICS_REQUEST(S, F, A, O)                                                          \
    A(S, create_topics_request_topic, topics, 0, LAST, NEVER)                                      \
    F(S, I32, timeout_ms, 0, LAST, NEVER)                                                          \
    F(S, BOOL, validate_only, 1, LAST, NEVER)
#define CREATE_TOPICS_RESPONSE_CONFIG(S, F, A, O)                                                  \
    F(S, STRING, name, 5, LAST, NEVER)                                                             \
    F(S, STRING, value, 5, LAST, 5)                                                                \
    F(S, BOOL, read_only, 5, LAST, NEVER)                                                          \
    F(S, I8, config_source, 5, LAST, NEVER)                                                        \
    F(S, BOOL, is_sensitive, 5, LAST, NEVER)
#define CREATE_TOPICS_RESPONSE_TOPIC(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    F(S, UUID, topic_id, 7, LAST, NEVER)                                                           \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 1, LAST, 0)                                                        \
    F(S, I32, num_partitions, 5, LAST, NEVER)                                                      \
    F(S, I16, replication_factor, 5, LAST, NEVER)                                                  \
    A(S, create_topics_response_config, configs, 5, LAST, 5)
#define CREATE_TOPICS_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 2, LAST, NEVER)                                                    \
    A(S, create_topics_response_topic, topics, 0, LAST, NEVER)

/* ---- 20 DeleteTopics ---- */
#define DELETE_TOPICS_REQUEST_TOPIC(S, F, A, O)                                                    \
    F(S, STRING, name, 6, LAST, 6)                                                                 \
    F(S, UUID, topic_id, 6, LAST, NEVER)
#define DELETE_TOPICS_REQUEST(S, F, A, O)                                                          \
    A(S, delete_topics_request_topic, topics, 6, LAST, NEVER)                                      \
    F(S, STRINGS, topic_names, 0, 5, NEVER)                                                        \
    F(S, I32, timeout_ms, 0, LAST, NEVER)
#define DELETE_TOPICS_RESPONSE_TOPIC(S, F, A, O)                                                   \
    F(S, STRING, name, 0, LAST, 6)                                                                 \
    F(S, UUID, topic_id, 6, LAST, NEVER)                                                           \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 5, LAST, 5)
#define DELETE_TOPICS_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 1, LAST, NEVER)                                                    \
    A(S, delete_topics_response_topic, topics, 0, LAST, NEVER)

/* ---- 22 InitProducerId ---- */
#define INIT_PRODUCER_ID_REQUEST(S, F, A, O)                                                       \
    F(S, STRING, transactional_id, 0, LAST, 0)                                                     \
    F(S, I32, transaction_timeout_ms, 0, LAST, NEVER)                                              \
    F(S, I64, producer_id, 3, LAST, NEVER)                                                         \
    F(S, I16, producer_epoch, 3, LAST, NEVER)
#define INIT_PRODUCER_ID_RESPONSE(S, F, A, O)                                                      \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I64, producer_id, 0, LAST, NEVER)                                                         \
    F(S, I16, producer_epoch, 0, LAST, NEVER)

/* ---- 23 OffsetForLeaderEpoch ---- */
#define EPOCH_END_REQUEST_PARTITION(S, F, A, O)                                                    \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I32, current_leader_epoch, 2, LAST, NEVER)                                                \
    F(S, I32, leader_epoch, 0, LAST, NEVER)
#define EPOCH_END_REQUEST_TOPIC(S, F, A, O)                                                        \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, epoch_end_request_partition, partitions, 0, LAST, NEVER)
#define EPOCH_END_REQUEST(S, F, A, O)                                                              \
    F(S, I32, replica_id, 3, LAST, NEVER)                                                          \
    A(S, epoch_end_request_topic, topics, 0, LAST, NEVER)
#define EPOCH_END_RESPONSE_PARTITION(S, F, A, O)                                                   \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, I32, index, 0, LAST, NEVER)                                                               \
    F(S, I32, leader_epoch, 1, LAST, NEVER)                                                        \
    F(S, I64, end_offset, 0, LAST, NEVER)
#define EPOCH_END_RESPONSE_TOPIC(S, F, A, O)                                                       \
    F(S, STRING, name, 0, LAST, NEVER)                                                             \
    A(S, epoch_end_response_partition, partitions, 0, LAST, NEVER)
#define EPOCH_END_RESPONSE(S, F, A, O)                                                             \
    F(S, I32, throttle_time_ms, 2, LAST, NEVER)                                                    \
    A(S, epoch_end_response_topic, topics, 0, LAST, NEVER)

/* ---- 60 DescribeCluster ---- */
#define DESCRIBE_CLUSTER_REQUEST(S, F, A, O)                                                       \
    F(S, BOOL, include_cluster_authorized_operations, 0, LAST, NEVER)                              \
    F(S, I8, endpoint_type, 1, LAST, NEVER)                                                        \
    F(S, BOOL, include_fenced_brokers, 2, LAST, NEVER)
#define DESCRIBE_CLUSTER_RESPONSE_BROKER(S, F, A, O)                                               \
    F(S, I32, broker_id, 0, LAST, NEVER)                                                           \
    F(S, STRING, host, 0, LAST, NEVER)                                                             \
    F(S, I32, port, 0, LAST, NEVER)                                                                \
    F(S, STRING, rack, 0, LAST, 0)                                                                 \
    F(S, BOOL, is_fenced, 2, LAST, NEVER)
#define DESCRIBE_CLUSTER_RESPONSE(S, F, A, O)                                                      \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, I8, endpoint_type, 1, LAST, NEVER)                                                        \
    F(S, STRING, cluster_id, 0, LAST, NEVER)                                                       \
    F(S, I32, controller_id, 0, LAST, NEVER)                                                       \
    A(S, describe_cluster_response_broker, brokers, 0, LAST, NEVER)                                \
    F(S, I32, cluster_authorized_operations, 0, LAST, NEVER)

/* Every struct once, after the structs it contains. */
#define SCHEMA_LIST(X)                                                                             \
    X(produce_request_partition, PRODUCE_REQUEST_PARTITION)                                        \
    X(produce_request_topic, PRODUCE_REQUEST_TOPIC)                                                \
    X(produce_request, PRODUCE_REQUEST)                                                            \
    X(produce_record_error, PRODUCE_RECORD_ERROR)                                                  \
    X(produce_response_partition, PRODUCE_RESPONSE_PARTITION)                                      \
    X(produce_response_topic, PRODUCE_RESPONSE_TOPIC)                                              \
    X(produce_response, PRODUCE_RESPONSE)                                                          \
    X(fetch_request_partition, FETCH_REQUEST_PARTITION)                                            \
    X(fetch_request_topic, FETCH_REQUEST_TOPIC)                                                    \
    X(fetch_forgotten_topic, FETCH_FORGOTTEN_TOPIC)                                                \
    X(fetch_request, FETCH_REQUEST)                                                                \
    X(fetch_aborted_transaction, FETCH_ABORTED_TRANSACTION)                                        \
    X(fetch_response_partition, FETCH_RESPONSE_PARTITION)                                          \
    X(fetch_response_topic, FETCH_RESPONSE_TOPIC)                                                  \
    X(fetch_response, FETCH_RESPONSE)                                                              \
    X(list_offsets_request_partition, LIST_OFFSETS_REQUEST_PARTITION)                              \
    X(list_offsets_request_topic, LIST_OFFSETS_REQUEST_TOPIC)                                      \
    X(list_offsets_request, LIST_OFFSETS_REQUEST)                                                  \
    X(list_offsets_response_partition, LIST_OFFSETS_RESPONSE_PARTITION)                            \
    X(list_offsets_response_topic, LIST_OFFSETS_RESPONSE_TOPIC)                                    \
    X(list_offsets_response, LIST_OFFSETS_RESPONSE)                                                \
    X(metadata_request_topic, METADATA_REQUEST_TOPIC)                                              \
    X(metadata_request, METADATA_REQUEST)                                                          \
    X(metadata_response_broker, METADATA_RESPONSE_BROKER)                                          \
    X(metadata_response_partition, METADATA_RESPONSE_PARTITION)                                    \
    X(metadata_response_topic, METADATA_RESPONSE_TOPIC)                                            \
    X(metadata_response, METADATA_RESPONSE)                                                        \
    X(offset_commit_request_partition, OFFSET_COMMIT_REQUEST_PARTITION)                            \
    X(offset_commit_request_topic, OFFSET_COMMIT_REQUEST_TOPIC)                                    \
    X(offset_commit_request, OFFSET_COMMIT_REQUEST)                                                \
    X(offset_commit_response_partition, OFFSET_COMMIT_RESPONSE_PARTITION)                          \
    X(offset_commit_response_topic, OFFSET_COMMIT_RESPONSE_TOPIC)                                  \
    X(offset_commit_response, OFFSET_COMMIT_RESPONSE)                                              \
    X(offset_fetch_request_topic, OFFSET_FETCH_REQUEST_TOPIC)                                      \
    X(offset_fetch_request_group, OFFSET_FETCH_REQUEST_GROUP)                                      \
    X(offset_fetch_request, OFFSET_FETCH_REQUEST)                                                  \
    X(offset_fetch_response_partition, OFFSET_FETCH_RESPONSE_PARTITION)                            \
    X(offset_fetch_response_topic, OFFSET_FETCH_RESPONSE_TOPIC)                                    \
    X(offset_fetch_response_group, OFFSET_FETCH_RESPONSE_GROUP)                                    \
    X(offset_fetch_response, OFFSET_FETCH_RESPONSE)                                                \
    X(find_coordinator_request, FIND_COORDINATOR_REQUEST)                                          \
    X(find_coordinator_response_coordinator, FIND_COORDINATOR_RESPONSE_COORDINATOR)                \
    X(find_coordinator_response, FIND_COORDINATOR_RESPONSE)                                        \
    X(join_group_request_protocol, JOIN_GROUP_REQUEST_PROTOCOL)                                    \
    X(join_group_request, JOIN_GROUP_REQUEST)                                                      \
    X(join_group_response_member, JOIN_GROUP_RESPONSE_MEMBER)                                      \
    X(join_group_response, JOIN_GROUP_RESPONSE)                                                    \
    X(heartbeat_request, HEARTBEAT_REQUEST)                                                        \
    X(heartbeat_response, HEARTBEAT_RESPONSE)                                                      \
    X(leave_group_request_member, LEAVE_GROUP_REQUEST_MEMBER)                                      \
    X(leave_group_request, LEAVE_GROUP_REQUEST)                                                    \
    X(leave_group_response_member, LEAVE_GROUP_RESPONSE_MEMBER)                                    \
    X(leave_group_response, LEAVE_GROUP_RESPONSE)                                                  \
    X(sync_group_request_assignment, SYNC_GROUP_REQUEST_ASSIGNMENT)                                \
    X(sync_group_request, SYNC_GROUP_REQUEST)                                                      \
    X(sync_group_response, SYNC_GROUP_RESPONSE)                                                    \
    X(api_versions_request, API_VERSIONS_REQUEST)                                                  \
    X(api_versions_response_key, API_VERSIONS_RESPONSE_KEY)                                        \
    X(api_versions_response, API_VERSIONS_RESPONSE)                                                \
    X(create_topics_request_assignment, CREATE_TOPICS_REQUEST_ASSIGNMENT)                          \
    X(create_topics_request_config, CREATE_TOPICS_REQUEST_CONFIG)                                  \
    X(create_topics_request_topic, CREATE_TOPICS_REQUEST_TOPIC)                                    \
    X(create_topics_request, CREATE_TOPICS_REQUEST)                                                \
    X(create_topics_response_config, CREATE_TOPICS_RESPONSE_CONFIG)                                \
    X(create_topics_response_topic, CREATE_TOPICS_RESPONSE_TOPIC)                                  \
    X(create_topics_response, CREATE_TOPICS_RESPONSE)                                              \
    X(delete_topics_request_topic, DELETE_TOPICS_REQUEST_TOPIC)                                    \
    X(delete_topics_request, DELETE_TOPICS_REQUEST)                                                \
    X(delete_topics_response_topic, DELETE_TOPICS_RESPONSE_TOPIC)                                  \
    X(delete_topics_response, DELETE_TOPICS_RESPONSE)                                              \
    X(init_producer_id_request, INIT_PRODUCER_ID_REQUEST)                                          \
    X(init_producer_id_response, INIT_PRODUCER_ID_RESPONSE)                                        \
    X(epoch_end_request_partition, EPOCH_END_REQUEST_PARTITION)                                    \
    X(epoch_end_request_topic, EPOCH_END_REQUEST_TOPIC)                                            \
    X(epoch_end_request, EPOCH_END_REQUEST)                                                        \
    X(epoch_end_response_partition, EPOCH_END_RESPONSE_PARTITION)                                  \
    X(epoch_end_response_topic, EPOCH_END_RESPONSE_TOPIC)                                          \
    X(epoch_end_response, EPOCH_END_RESPONSE)                                                      \
    X(describe_cluster_request, DESCRIBE_CLUSTER_REQUEST)                                          \
    X(describe_cluster_response_broker, DESCRIBE_CLUSTER_RESPONSE_BROKER)                          \
    X(describe_cluster_response, DESCRIBE_CLUSTER_RESPONSE)                                        \
    SCHEMA_SECURITY_LIST(X)                                                                        \
    SCHEMA_SHARE_LIST(X)                                                                           \
    SCHEMA_GROUPS_LIST(X)                                                                          \
    SCHEMA_ADMIN_LIST(X)                                                                           \
    SCHEMA_TXN_LIST(X)                                                                             \
    SCHEMA_ACLS_LIST(X)

/* The C type of each wire type. */
typedef bool                kafka_BOOL;
typedef int8_t              kafka_I8;
typedef int16_t             kafka_I16;
typedef int32_t             kafka_I32;
typedef int64_t             kafka_I64;
typedef struct uuid         kafka_UUID;
typedef struct bytes        kafka_STRING;
typedef struct bytes        kafka_BYTES;
typedef struct bytes        kafka_RECORDS;
typedef struct wire_slices  kafka_SLICES;
typedef struct wire_i32s    kafka_I32S;
typedef struct wire_i64s    kafka_I64S;
typedef struct bytes        kafka_TAGS;
typedef struct wire_i8s     kafka_I8S;
typedef struct wire_strings kafka_STRINGS;

#define KAFKA_PLAIN(S, type, name, since, until, nullable_since) kafka_##type name;
#define KAFKA_ARRAY(S, element, name, since, until, nullable_since)                                \
    struct {                                                                                       \
        size_t          count;                                                                     \
        struct element *at;                                                                        \
    } name;
#define KAFKA_OPTION(S, element, name, since, until, nullable_since) struct element *name;
#define X(name, FIELDS)                                                                            \
    struct name {                                                                                  \
        FIELDS(name, KAFKA_PLAIN, KAFKA_ARRAY, KAFKA_OPTION)                                       \
    };                                                                                             \
    extern const struct wire_layout layout_##name;
SCHEMA_LIST(X)
#undef X
#undef KAFKA_PLAIN
#undef KAFKA_ARRAY
#undef KAFKA_OPTION

#endif
