/*
 * schema_share.h - the messages of share groups (KIP-932): see schema.h.
 */
#ifndef DOORS_KAFKA_SCHEMA_SHARE_H
#define DOORS_KAFKA_SCHEMA_SHARE_H

/* ---- 76 ShareGroupHeartbeat ---- */
#define SHARE_HEARTBEAT_REQUEST(S, F, A, O)                                                        \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, I32, member_epoch, 0, LAST, NEVER)                                                        \
    F(S, STRING, rack_id, 0, LAST, 0)                                                              \
    F(S, STRINGS, subscribed_topic_names, 0, LAST, 0)
#define SHARE_HEARTBEAT_RESPONSE_TOPIC(S, F, A, O)                                                 \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define SHARE_HEARTBEAT_RESPONSE_ASSIGNMENT(S, F, A, O)                                            \
    A(S, share_heartbeat_response_topic, topic_partitions, 0, LAST, NEVER)
#define SHARE_HEARTBEAT_RESPONSE(S, F, A, O)                                                       \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, STRING, member_id, 0, LAST, 0)                                                            \
    F(S, I32, member_epoch, 0, LAST, NEVER)                                                        \
    F(S, I32, heartbeat_interval_ms, 0, LAST, NEVER)                                               \
    O(S, share_heartbeat_response_assignment, assignment, 0, LAST, 0)

/* ---- 77 ShareGroupDescribe ---- */
#define SHARE_DESCRIBE_REQUEST(S, F, A, O)                                                         \
    F(S, STRINGS, group_ids, 0, LAST, NEVER)                                                       \
    F(S, BOOL, include_authorized_operations, 0, LAST, NEVER)
#define SHARE_DESCRIBE_RESPONSE_TOPIC(S, F, A, O)                                                  \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define SHARE_DESCRIBE_RESPONSE_ASSIGNMENT(S, F, A, O)                                             \
    A(S, share_describe_response_topic, topic_partitions, 0, LAST, NEVER)
#define SHARE_DESCRIBE_RESPONSE_MEMBER(S, F, A, O)                                                 \
    F(S, STRING, member_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, rack_id, 0, LAST, 0)                                                              \
    F(S, I32, member_epoch, 0, LAST, NEVER)                                                        \
    F(S, STRING, client_id, 0, LAST, NEVER)                                                        \
    F(S, STRING, client_host, 0, LAST, NEVER)                                                      \
    F(S, STRINGS, subscribed_topic_names, 0, LAST, NEVER)                                          \
    O(S, share_describe_response_assignment, assignment, 0, LAST, NEVER)
#define SHARE_DESCRIBE_RESPONSE_GROUP(S, F, A, O)                                                  \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    F(S, STRING, group_state, 0, LAST, NEVER)                                                      \
    F(S, I32, group_epoch, 0, LAST, NEVER)                                                         \
    F(S, I32, assignment_epoch, 0, LAST, NEVER)                                                    \
    F(S, STRING, assignor_name, 0, LAST, NEVER)                                                    \
    A(S, share_describe_response_member, members, 0, LAST, NEVER)                                  \
    F(S, I32, authorized_operations, 0, LAST, NEVER)
#define SHARE_DESCRIBE_RESPONSE(S, F, A, O)                                                        \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, share_describe_response_group, groups, 0, LAST, NEVER)

/* ---- 78 ShareFetch, 79 ShareAcknowledge ---- */
#define SHARE_ACK_BATCH(S, F, A, O)                                                                \
    F(S, I64, first_offset, 0, LAST, NEVER)                                                        \
    F(S, I64, last_offset, 0, LAST, NEVER)                                                         \
    F(S, I8S, acknowledge_types, 0, LAST, NEVER)
#define SHARE_REQUEST_PARTITION(S, F, A, O)                                                        \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    A(S, share_ack_batch, acknowledgement_batches, 0, LAST, NEVER)
#define SHARE_REQUEST_TOPIC(S, F, A, O)                                                            \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    A(S, share_request_partition, partitions, 0, LAST, NEVER)
#define SHARE_FORGOTTEN_TOPIC(S, F, A, O)                                                          \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define SHARE_FETCH_REQUEST(S, F, A, O)                                                            \
    F(S, STRING, group_id, 0, LAST, 0)                                                             \
    F(S, STRING, member_id, 0, LAST, 0)                                                            \
    F(S, I32, share_session_epoch, 0, LAST, NEVER)                                                 \
    F(S, I32, max_wait_ms, 0, LAST, NEVER)                                                         \
    F(S, I32, min_bytes, 0, LAST, NEVER)                                                           \
    F(S, I32, max_bytes, 0, LAST, NEVER)                                                           \
    F(S, I32, max_records, 1, LAST, NEVER)                                                         \
    F(S, I32, batch_size, 1, LAST, NEVER)                                                          \
    F(S, I8, share_acquire_mode, 2, LAST, NEVER)                                                   \
    F(S, BOOL, is_renew_ack, 2, LAST, NEVER)                                                       \
    A(S, share_request_topic, topics, 0, LAST, NEVER)                                              \
    A(S, share_forgotten_topic, forgotten_topics_data, 0, LAST, NEVER)
#define SHARE_LEADER(S, F, A, O)                                                                   \
    F(S, I32, leader_id, 0, LAST, NEVER)                                                           \
    F(S, I32, leader_epoch, 0, LAST, NEVER)
#define SHARE_NODE(S, F, A, O)                                                                     \
    F(S, I32, node_id, 0, LAST, NEVER)                                                             \
    F(S, STRING, host, 0, LAST, NEVER)                                                             \
    F(S, I32, port, 0, LAST, NEVER)                                                                \
    F(S, STRING, rack, 0, LAST, 0)
#define SHARE_ACQUIRED(S, F, A, O)                                                                 \
    F(S, I64, first_offset, 0, LAST, NEVER)                                                        \
    F(S, I64, last_offset, 0, LAST, NEVER)                                                         \
    F(S, I16, delivery_count, 0, LAST, NEVER)
#define SHARE_FETCH_RESPONSE_PARTITION(S, F, A, O)                                                 \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, I16, acknowledge_error_code, 0, LAST, NEVER)                                              \
    F(S, STRING, acknowledge_error_message, 0, LAST, 0)                                            \
    O(S, share_leader, current_leader, 0, LAST, NEVER)                                             \
    F(S, SLICES, records, 0, LAST, 0)                                                              \
    A(S, share_acquired, acquired_records, 0, LAST, NEVER)
#define SHARE_FETCH_RESPONSE_TOPIC(S, F, A, O)                                                     \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    A(S, share_fetch_response_partition, partitions, 0, LAST, NEVER)
#define SHARE_FETCH_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, I32, acquisition_lock_timeout_ms, 1, LAST, NEVER)                                         \
    A(S, share_fetch_response_topic, responses, 0, LAST, NEVER)                                    \
    A(S, share_node, node_endpoints, 0, LAST, NEVER)
#define SHARE_ACKNOWLEDGE_REQUEST(S, F, A, O)                                                      \
    F(S, STRING, group_id, 0, LAST, 0)                                                             \
    F(S, STRING, member_id, 0, LAST, 0)                                                            \
    F(S, I32, share_session_epoch, 0, LAST, NEVER)                                                 \
    F(S, BOOL, is_renew_ack, 2, LAST, NEVER)                                                       \
    A(S, share_request_topic, topics, 0, LAST, NEVER)
#define SHARE_ACKNOWLEDGE_RESPONSE_PARTITION(S, F, A, O)                                           \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    O(S, share_leader, current_leader, 0, LAST, NEVER)
#define SHARE_ACKNOWLEDGE_RESPONSE_TOPIC(S, F, A, O)                                               \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    A(S, share_acknowledge_response_partition, partitions, 0, LAST, NEVER)
#define SHARE_ACKNOWLEDGE_RESPONSE(S, F, A, O)                                                     \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    F(S, I32, acquisition_lock_timeout_ms, 2, LAST, NEVER)                                         \
    A(S, share_acknowledge_response_topic, responses, 0, LAST, NEVER)                              \
    A(S, share_node, node_endpoints, 0, LAST, NEVER)

/* ---- 90 DescribeShareGroupOffsets ---- */
#define SHARE_OFFSETS_REQUEST_TOPIC(S, F, A, O)                                                    \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    F(S, I32S, partitions, 0, LAST, NEVER)
#define SHARE_OFFSETS_REQUEST_GROUP(S, F, A, O)                                                    \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    A(S, share_offsets_request_topic, topics, 0, LAST, 0)
#define SHARE_OFFSETS_REQUEST(S, F, A, O)                                                          \
    A(S, share_offsets_request_group, groups, 0, LAST, NEVER)
#define SHARE_OFFSETS_RESPONSE_PARTITION(S, F, A, O)                                               \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I64, start_offset, 0, LAST, NEVER)                                                        \
    F(S, I32, leader_epoch, 0, LAST, NEVER)                                                        \
    F(S, I64, lag, 1, LAST, NEVER)                                                                 \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)
#define SHARE_OFFSETS_RESPONSE_TOPIC(S, F, A, O)                                                   \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    A(S, share_offsets_response_partition, partitions, 0, LAST, NEVER)
#define SHARE_OFFSETS_RESPONSE_GROUP(S, F, A, O)                                                   \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    A(S, share_offsets_response_topic, topics, 0, LAST, NEVER)                                     \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)
#define SHARE_OFFSETS_RESPONSE(S, F, A, O)                                                         \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    A(S, share_offsets_response_group, groups, 0, LAST, NEVER)

/* ---- 91 AlterShareGroupOffsets ---- */
#define SHARE_ALTER_REQUEST_PARTITION(S, F, A, O)                                                  \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I64, start_offset, 0, LAST, NEVER)
#define SHARE_ALTER_REQUEST_TOPIC(S, F, A, O)                                                      \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    A(S, share_alter_request_partition, partitions, 0, LAST, NEVER)
#define SHARE_ALTER_REQUEST(S, F, A, O)                                                            \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    A(S, share_alter_request_topic, topics, 0, LAST, NEVER)
#define SHARE_ALTER_RESPONSE_PARTITION(S, F, A, O)                                                 \
    F(S, I32, partition_index, 0, LAST, NEVER)                                                     \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)
#define SHARE_ALTER_RESPONSE_TOPIC(S, F, A, O)                                                     \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    A(S, share_alter_response_partition, partitions, 0, LAST, NEVER)
#define SHARE_ALTER_RESPONSE(S, F, A, O)                                                           \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, share_alter_response_topic, responses, 0, LAST, NEVER)

/* ---- 92 DeleteShareGroupOffsets ---- */
#define SHARE_FORGET_REQUEST_TOPIC(S, F, A, O)                                                     \
    F(S, STRING, topic_name, 0, LAST, NEVER)
#define SHARE_FORGET_REQUEST(S, F, A, O)                                                           \
    F(S, STRING, group_id, 0, LAST, NEVER)                                                         \
    A(S, share_forget_request_topic, topics, 0, LAST, NEVER)
#define SHARE_FORGET_RESPONSE_TOPIC(S, F, A, O)                                                    \
    F(S, STRING, topic_name, 0, LAST, NEVER)                                                       \
    F(S, UUID, topic_id, 0, LAST, NEVER)                                                           \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)
#define SHARE_FORGET_RESPONSE(S, F, A, O)                                                          \
    F(S, I32, throttle_time_ms, 0, LAST, NEVER)                                                    \
    F(S, I16, error_code, 0, LAST, NEVER)                                                          \
    F(S, STRING, error_message, 0, LAST, 0)                                                        \
    A(S, share_forget_response_topic, responses, 0, LAST, NEVER)

/* Every struct once, after the structs it contains. */
#define SCHEMA_SHARE_LIST(X)                                                                       \
    X(share_heartbeat_request, SHARE_HEARTBEAT_REQUEST)                                            \
    X(share_heartbeat_response_topic, SHARE_HEARTBEAT_RESPONSE_TOPIC)                              \
    X(share_heartbeat_response_assignment, SHARE_HEARTBEAT_RESPONSE_ASSIGNMENT)                    \
    X(share_heartbeat_response, SHARE_HEARTBEAT_RESPONSE)                                          \
    X(share_describe_request, SHARE_DESCRIBE_REQUEST)                                              \
    X(share_describe_response_topic, SHARE_DESCRIBE_RESPONSE_TOPIC)                                \
    X(share_describe_response_assignment, SHARE_DESCRIBE_RESPONSE_ASSIGNMENT)                      \
    X(share_describe_response_member, SHARE_DESCRIBE_RESPONSE_MEMBER)                              \
    X(share_describe_response_group, SHARE_DESCRIBE_RESPONSE_GROUP)                                \
    X(share_describe_response, SHARE_DESCRIBE_RESPONSE)                                            \
    X(share_ack_batch, SHARE_ACK_BATCH)                                                            \
    X(share_request_partition, SHARE_REQUEST_PARTITION)                                            \
    X(share_request_topic, SHARE_REQUEST_TOPIC)                                                    \
    X(share_forgotten_topic, SHARE_FORGOTTEN_TOPIC)                                                \
    X(share_fetch_request, SHARE_FETCH_REQUEST)                                                    \
    X(share_leader, SHARE_LEADER)                                                                  \
    X(share_node, SHARE_NODE)                                                                      \
    X(share_acquired, SHARE_ACQUIRED)                                                              \
    X(share_fetch_response_partition, SHARE_FETCH_RESPONSE_PARTITION)                              \
    X(share_fetch_response_topic, SHARE_FETCH_RESPONSE_TOPIC)                                      \
    X(share_fetch_response, SHARE_FETCH_RESPONSE)                                                  \
    X(share_acknowledge_request, SHARE_ACKNOWLEDGE_REQUEST)                                        \
    X(share_acknowledge_response_partition, SHARE_ACKNOWLEDGE_RESPONSE_PARTITION)                  \
    X(share_acknowledge_response_topic, SHARE_ACKNOWLEDGE_RESPONSE_TOPIC)                          \
    X(share_acknowledge_response, SHARE_ACKNOWLEDGE_RESPONSE)                                      \
    X(share_offsets_request_topic, SHARE_OFFSETS_REQUEST_TOPIC)                                    \
    X(share_offsets_request_group, SHARE_OFFSETS_REQUEST_GROUP)                                    \
    X(share_offsets_request, SHARE_OFFSETS_REQUEST)                                                \
    X(share_offsets_response_partition, SHARE_OFFSETS_RESPONSE_PARTITION)                          \
    X(share_offsets_response_topic, SHARE_OFFSETS_RESPONSE_TOPIC)                                  \
    X(share_offsets_response_group, SHARE_OFFSETS_RESPONSE_GROUP)                                  \
    X(share_offsets_response, SHARE_OFFSETS_RESPONSE)                                              \
    X(share_alter_request_partition, SHARE_ALTER_REQUEST_PARTITION)                                \
    X(share_alter_request_topic, SHARE_ALTER_REQUEST_TOPIC)                                        \
    X(share_alter_request, SHARE_ALTER_REQUEST)                                                    \
    X(share_alter_response_partition, SHARE_ALTER_RESPONSE_PARTITION)                              \
    X(share_alter_response_topic, SHARE_ALTER_RESPONSE_TOPIC)                                      \
    X(share_alter_response, SHARE_ALTER_RESPONSE)                                                  \
    X(share_forget_request_topic, SHARE_FORGET_REQUEST_TOPIC)                                      \
    X(share_forget_request, SHARE_FORGET_REQUEST)                                                  \
    X(share_forget_response_topic, SHARE_FORGET_RESPONSE_TOPIC)                                    \
    X(share_forget_response, SHARE_FORGET_RESPONSE)

#endif
